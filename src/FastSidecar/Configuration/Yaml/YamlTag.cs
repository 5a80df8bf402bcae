using System.Globalization;

namespace FastSidecar.Configuration.Yaml;

/// <summary>What a plain scalar is, by the rules of gopkg.in/yaml.v3 (resolve.go): they decide which values are type errors.</summary>
internal static class YamlTag
{
    public const string Null = "!!null";
    public const string Bool = "!!bool";
    public const string Text = "!!str";
    public const string Int = "!!int";
    public const string Float = "!!float";
    public const string Timestamp = "!!timestamp";
    public const string Merge = "!!merge";
    public const string Sequence = "!!seq";
    public const string Mapping = "!!map";

    private const string LongPrefix = "tag:yaml.org,2002:";

    public static string OfPlain(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => Bool,
        "<<" => Merge,
        _ when TryReadInteger(text, out _) => Int,
        _ when IsFloat(text) => Float,
        _ when IsTimestamp(text) => Timestamp,
        _ => Text,
    };

    public static string Short(string tag) =>
        tag.StartsWith(LongPrefix, StringComparison.Ordinal) ? $"!!{tag[LongPrefix.Length..]}" : tag;

    /// <summary>Decimal, 0x, 0o, 0b and 0-prefixed octal, signed, with underscores.</summary>
    public static bool TryReadInteger(string text, out long value)
    {
        value = 0;
        if (text.Length == 0 || !(char.IsAsciiDigit(text[0]) || text[0] is '+' or '-'))
        {
            return false;
        }

        var plain = text.Replace("_", "", StringComparison.Ordinal);
        return Flags.GoNumber.TryParseInt(plain, out value, out _);
    }

    public static bool TryReadFloat(string text, out double value) => double.TryParse(
        text.Replace("_", "", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out value);

    private static bool IsFloat(string text)
    {
        var unsigned = text is ['+' or '-', ..] ? text[1..] : text;
        if (unsigned is ".inf" or ".Inf" or ".INF" || text is ".nan" or ".NaN" or ".NAN")
        {
            return true;
        }

        // Digits, one dot, an exponent: what double.TryParse takes beyond that (Infinity, NaN, spaces) is text in YAML.
        return text[0] is (>= '0' and <= '9') or '.' or '+' or '-'
            && !text.AsSpan().ContainsAnyExcept("0123456789.eE+-_")
            && TryReadFloat(text, out _);
    }

    private static bool IsTimestamp(string text) =>
        text.Length >= 8 && char.IsAsciiDigit(text[0]) && text.IndexOf('-') == 4
        && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
}
