using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Numerics;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Configuration.Flags;

/// <summary>Numbers and booleans as Go's strconv reads them, with its error texts: they are part of what daprd prints.</summary>
internal static class GoNumber
{
    /// <summary>strconv.Atoi: decimal digits with an optional sign.</summary>
    public static bool TryAtoi(string text, out long value, [NotNullWhen(false)] out string? error)
    {
        value = 0;
        var digits = text.AsSpan(text is ['+' or '-', ..] ? 1 : 0);
        if (digits.IsEmpty || digits.ContainsAnyExceptInRange('0', '9'))
        {
            return Fail("Atoi", text, "invalid syntax", out error);
        }

        error = null;
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)
            || Fail("Atoi", text, "value out of range", out error);
    }

    /// <summary>strconv.ParseInt with base 0, 64 bits: prefixes 0x, 0o, 0b, 0 and underscores between digits.</summary>
    public static bool TryParseInt(string text, out long value, [NotNullWhen(false)] out string? error)
    {
        value = 0;
        var negative = text is ['-', ..];
        if (!TryParseDigits(text is ['+' or '-', ..] ? text[1..] : text, out var magnitude))
        {
            return Fail("ParseInt", text, "invalid syntax", out error);
        }

        var signed = negative ? -magnitude : magnitude;
        if (signed < long.MinValue || signed > long.MaxValue)
        {
            return Fail("ParseInt", text, "value out of range", out error);
        }

        value = (long)signed;
        error = null;
        return true;
    }

    /// <summary>strconv.ParseUint with base 0, 64 bits.</summary>
    public static bool TryParseUint(string text, out ulong value, [NotNullWhen(false)] out string? error)
    {
        value = 0;
        if (!TryParseDigits(text, out var magnitude))
        {
            return Fail("ParseUint", text, "invalid syntax", out error);
        }

        if (magnitude > ulong.MaxValue)
        {
            return Fail("ParseUint", text, "value out of range", out error);
        }

        value = (ulong)magnitude;
        error = null;
        return true;
    }

    /// <summary>strconv.ParseBool.</summary>
    public static bool TryParseBool(string text, out bool value, [NotNullWhen(false)] out string? error)
    {
        value = text is "1" or "t" or "T" or "true" or "TRUE" or "True";
        error = null;
        return value || text is "0" or "f" or "F" or "false" or "FALSE" or "False" || Fail("ParseBool", text, "invalid syntax", out error);
    }

    private static bool TryParseDigits(string text, out BigInteger value)
    {
        value = 0;
        var (radix, start) = text switch
        {
            ['0', 'x' or 'X', ..] => (16, 2),
            ['0', 'o' or 'O', ..] => (8, 2),
            ['0', 'b' or 'B', ..] => (2, 2),
            ['0', _, ..] => (8, 1),
            _ => (10, 0),
        };
        // An underscore stands between digits, or between the prefix and a digit.
        var afterDigit = start > 0;
        var digits = 0;
        foreach (var c in text.AsSpan(start))
        {
            if (c == '_' && afterDigit)
            {
                afterDigit = false;
                continue;
            }

            var digit = char.IsAsciiHexDigit(c) ? Convert.ToInt32(c.ToString(), 16) : radix;
            if (digit >= radix)
            {
                return false;
            }

            value = (value * radix) + digit;
            afterDigit = true;
            digits++;
        }

        return digits > 0 && afterDigit;
    }

    private static bool Fail(string function, string text, string reason, out string error)
    {
        error = $"strconv.{function}: parsing {GoQuote.Quote(text)}: {reason}";
        return false;
    }
}
