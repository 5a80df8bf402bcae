using System.Globalization;
using System.Text;

namespace FastSidecar.Compare;

/// <summary>A picture as text: shapes are added, <see cref="ToString"/> gives the document.</summary>
internal sealed class Svg(int width, int height)
{
    private readonly StringBuilder _shapes = new();

    public Svg Line(double x1, double y1, double x2, double y2, string colour = "#bbb", double thickness = 1)
    {
        Add($"""<line x1="{x1:0.#}" y1="{y1:0.#}" x2="{x2:0.#}" y2="{y2:0.#}" stroke="{colour}" stroke-width="{thickness}"/>""");
        return this;
    }

    public Svg Curve(IEnumerable<(double X, double Y)> points, string colour)
    {
        var path = string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.#},{point.Y:0.#}")));
        Add($"""<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>""");
        return this;
    }

    public Svg Box(double x, double y, double boxWidth, double boxHeight, string colour)
    {
        Add($"""<rect x="{x:0.#}" y="{y:0.#}" width="{boxWidth:0.#}" height="{boxHeight:0.#}" fill="{colour}"/>""");
        return this;
    }

    public Svg Text(double x, double y, string text, string anchor = "start", int size = 12, string weight = "normal")
    {
        var escaped = System.Security.SecurityElement.Escape(text);
        var font = $"font-size=\"{size}\" font-weight=\"{weight}\"";
        Add($"""<text x="{x:0.#}" y="{y:0.#}" text-anchor="{anchor}" {font} fill="#222">{escaped}</text>""");
        return this;
    }

    public override string ToString() =>
        $"""
        <svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif">
        <rect width="{width}" height="{height}" fill="white"/>
        {_shapes}</svg>

        """;

    private void Add(FormattableString shape) => _shapes.AppendLine(FormattableString.Invariant(shape));
}
