using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>
/// Percentile curves: how slow is the slowest tenth, hundredth, thousandth. Both axes are logarithmic, so that the tail has room.
/// </summary>
internal static class CurveChart
{
    private const int Width = 760;
    private const int Height = 380;
    private const int Left = 70;
    private const int Right = 20;
    private const int Top = 40;
    private const int Bottom = 50;
    private const int LegendStep = 17;

    private static readonly IReadOnlyList<(double Quantile, string Name)> Marks =
        [(0, "min"), (0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99"), (0.99999, "p99.999")];

    public static string Draw(string title, IReadOnlyList<Line> lines)
    {
        var low = Math.Pow(10, Math.Floor(Math.Log10(Math.Max(1, lines.Min(line => line.Points.Min(point => point[1]))))));
        var high = Math.Pow(10, Math.Ceiling(Math.Log10(Math.Max(10, lines.Max(line => line.Points.Max(point => point[1]))))));
        var nines = Math.Max(1, lines.Max(line => line.Points.Max(point => Nines(point[0]))));
        var svg = new Svg(Width, Height).Text(Left, 22, title, size: 15, weight: "bold");

        for (var value = low; value <= high * 1.001; value *= 10)
        {
            svg.Line(Left, Y(value), Width - Right, Y(value))
                .Text(Left - 8, Y(value) + 4, value.ToString("N0", CultureInfo.InvariantCulture), "end");
            foreach (var part in value < high ? new[] { 2, 5 } : [])
            {
                svg.Line(Left, Y(value * part), Width - Right, Y(value * part), "#eee")
                    .Text(Left - 8, Y(value * part) + 4, (value * part).ToString("N0", CultureInfo.InvariantCulture), "end", 10);
            }
        }

        foreach (var (quantile, name) in Marks)
        {
            if (Nines(quantile) <= nines)
            {
                svg.Line(X(quantile), Top, X(quantile), Height - Bottom, "#eee").Text(X(quantile), Height - Bottom + 18, name, "middle");
            }
        }

        for (var i = 0; i < lines.Count; i++)
        {
            svg.Curve(lines[i].Points.Select(point => (X(point[0]), Y(Math.Max(low, point[1])))), lines[i].Colour)
                .Box(Left + 12, Top + 6 + (i * LegendStep), 14, 4, lines[i].Colour)
                .Text(Left + 32, Top + 12 + (i * LegendStep), lines[i].Name);
        }

        return svg.ToString();

        double X(double quantile) => Left + (Nines(quantile) / nines * (Width - Left - Right));
        double Y(double value) =>
            Height - Bottom - ((Math.Log10(value) - Math.Log10(low)) / (Math.Log10(high) - Math.Log10(low)) * (Height - Top - Bottom));
    }

    private static double Nines(double quantile) => -Math.Log10(1 - quantile);

    /// <param name="Points">Quantile, microseconds.</param>
    internal sealed record Line(string Name, string Colour, IReadOnlyList<double[]> Points);
}
