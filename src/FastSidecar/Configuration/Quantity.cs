using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace FastSidecar.Configuration;

/// <summary>
/// Kubernetes resource quantities in bytes: <c>4Mi</c>, <c>16Ki</c>, <c>1e3</c>, <c>500k</c>, plain numbers (apimachinery
/// pkg/api/resource/quantity.go), with its error texts.
/// </summary>
internal static class Quantity
{
    private const string WrongFormat =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

    private const string SuffixLetters = "eEinumkKMGTP";

    /// <summary>False with a reason also where the quantity is no whole number of bytes.</summary>
    public static bool TryParseBytes(string text, out long bytes, [NotNullWhen(false)] out string? error)
    {
        bytes = 0;
        var rest = text.AsSpan();
        var negative = rest is ['-', ..];
        if (rest is ['+' or '-', ..])
        {
            rest = rest[1..];
        }

        var number = Take(ref rest, static c => char.IsAsciiDigit(c));
        if (rest is ['.', ..])
        {
            rest = rest[1..];
            number = $"{number}.{Take(ref rest, static c => char.IsAsciiDigit(c))}";
        }

        var suffix = rest;
        Take(ref rest, static c => SuffixLetters.Contains(c, StringComparison.Ordinal));
        if (rest is ['+' or '-', ..])
        {
            rest = rest[1..];
        }

        Take(ref rest, static c => char.IsAsciiDigit(c));
        if (text.Length == 0 || rest.Length > 0)
        {
            error = WrongFormat;
            return false;
        }

        if (!TryReadFactor(suffix, out var factor))
        {
            error = "unable to parse quantity's suffix";
            return false;
        }

        return TryMultiply(text, $"0{number}", negative ? -factor : factor, out bytes, out error);
    }

    private static bool TryMultiply(string text, string number, decimal factor, out long bytes, [NotNullWhen(false)] out string? error)
    {
        bytes = 0;
        error = $"cannot get bytes from resource quantity value '{text}'";
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)
            || amount > long.MaxValue / Math.Max(Math.Abs(factor), 1))
        {
            return false;
        }

        var value = amount * factor;
        if (value != decimal.Truncate(value))
        {
            return false;
        }

        bytes = (long)value;
        error = null;
        return true;
    }

    private static bool TryReadFactor(ReadOnlySpan<char> suffix, out decimal factor)
    {
        factor = suffix switch
        {
            "" => 1m,
            "n" => 1e-9m,
            "u" => 1e-6m,
            "m" => 1e-3m,
            "k" => 1e3m,
            "M" => 1e6m,
            "G" => 1e9m,
            "T" => 1e12m,
            "P" => 1e15m,
            "E" => 1e18m,
            "Ki" => 1L << 10,
            "Mi" => 1L << 20,
            "Gi" => 1L << 30,
            "Ti" => 1L << 40,
            "Pi" => 1L << 50,
            "Ei" => 1L << 60,
            _ => 0m,
        };
        return factor != 0 || TryReadExponent(suffix, out factor);
    }

    private static bool TryReadExponent(ReadOnlySpan<char> suffix, out decimal factor)
    {
        factor = 1;
        if (suffix is not ['e' or 'E', _, ..]
            || !int.TryParse(suffix[1..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var exponent))
        {
            return false;
        }

        // decimal holds 28 digits; beyond 18 no number of bytes fits anyway.
        for (var i = 0; i < Math.Min(Math.Abs(exponent), 27); i++)
        {
            factor = exponent > 0 ? factor * 10 : factor / 10;
        }

        return true;
    }

    private static string Take(ref ReadOnlySpan<char> rest, Func<char, bool> matches)
    {
        var length = 0;
        while (length < rest.Length && matches(rest[length]))
        {
            length++;
        }

        var taken = rest[..length].ToString();
        rest = rest[length..];
        return taken;
    }
}
