using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>Groups of bars with their 95 % intervals.</summary>
internal static class BarChart
{
    private const int BarWidth = 34;
    private const int GroupGap = 36;
    private const int Height = 380;
    private const int Left = 60;
    private const int Top = 70;
    private const int Bottom = 40;

    public static string Draw(string title, IReadOnlyList<Group> groups)
    {
        var bars = groups.Sum(group => group.Bars.Count);
        var width = Math.Max(480, Left + (bars * BarWidth) + ((groups.Count + 1) * GroupGap));
        var high = groups.SelectMany(group => group.Bars).Select(bar => bar.Value.High).DefaultIfEmpty(1).Max() * 1.1;
        var svg = new Svg(width, Height).Text(Left, 22, title, size: 15, weight: "bold");
        var step = Math.Pow(10, Math.Floor(Math.Log10(high / 2)));
        step *= high / step > 10 ? 5 : high / step > 5 ? 2 : 1;
        for (var value = 0.0; value <= high; value += step)
        {
            svg.Line(Left, Y(value), width - 10, Y(value), "#ddd")
                .Text(Left - 8, Y(value) + 4, value.ToString("0.##", CultureInfo.InvariantCulture), "end");
        }

        var x = (double)Left + GroupGap;
        foreach (var group in groups)
        {
            svg.Text(x + (group.Bars.Count * BarWidth / 2.0), Height - Bottom + 18, group.Name, "middle");
            foreach (var bar in group.Bars)
            {
                var middle = x + (BarWidth / 2.0);
                svg.Box(x + 3, Y(bar.Value.Median), BarWidth - 6, Y(0) - Y(bar.Value.Median), bar.Colour)
                    .Line(middle, Y(bar.Value.Low), middle, Y(bar.Value.High), "#222")
                    .Text(middle, Y(bar.Value.High) - 4, Label(bar.Value.Median), "middle", 10);
                x += BarWidth;
            }

            x += GroupGap;
        }

        var at = (double)Left;
        foreach (var (name, colour) in groups.SelectMany(group => group.Bars).Select(bar => (bar.Name, bar.Colour)).Distinct())
        {
            svg.Box(at, 36, 12, 12, colour).Text(at + 16, 46, name, size: 11);
            at += 30 + (name.Length * 6);
        }

        return svg.ToString();

        static string Label(double value) => value.ToString(value >= 100 ? "0" : "0.0", CultureInfo.InvariantCulture);
        double Y(double value) => Height - Bottom - (value / high * (Height - Top - Bottom));
    }

    internal sealed record Bar(string Name, string Colour, Estimate Value);

    internal sealed record Group(string Name, IReadOnlyList<Bar> Bars);
}
