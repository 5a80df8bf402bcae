using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Configuration.Flags;

/// <summary>Go's durations: <c>1h2m3.5s</c>, units ns, us, ms, s, m, h. A TimeSpan keeps 100 ns; what is finer is cut.</summary>
internal static class GoDuration
{
    private const decimal NanosecondsPerTick = 100;

    /// <summary>time.ParseDuration with its error texts.</summary>
    public static bool TryParse(string text, out TimeSpan value, [NotNullWhen(false)] out string? error)
    {
        value = TimeSpan.Zero;
        var rest = text.AsSpan(text is ['+' or '-', ..] ? 1 : 0);
        if (rest is "0")
        {
            error = null;
            return true;
        }

        if (rest.IsEmpty)
        {
            return Fail("invalid duration", text, out error);
        }

        var nanoseconds = 0m;
        while (!rest.IsEmpty)
        {
            var number = TakeWhile(ref rest, static c => char.IsAsciiDigit(c) || c == '.');
            if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount))
            {
                return Fail("invalid duration", text, out error);
            }

            var unit = TakeWhile(ref rest, static c => !char.IsAsciiDigit(c) && c != '.');
            if (unit.IsEmpty)
            {
                return Fail("missing unit in duration", text, out error);
            }

            if (NanosecondsOf(unit) is not { } factor)
            {
                error = $"time: unknown unit {GoQuote.Quote(unit.ToString())} in duration {GoQuote.Quote(text)}";
                return false;
            }

            // Above Go's int64 nanoseconds (292 years) nothing is valid; checked before multiplying, so that decimal cannot overflow.
            if (amount > long.MaxValue / factor || (nanoseconds += amount * factor) > long.MaxValue)
            {
                return Fail("invalid duration", text, out error);
            }
        }

        value = TimeSpan.FromTicks((long)(nanoseconds / NanosecondsPerTick) * (text[0] == '-' ? -1 : 1));
        error = null;
        return true;
    }

    /// <summary>time.Duration.String: <c>1h0m5s</c>, <c>1.5s</c>, <c>500ms</c>, <c>0s</c>.</summary>
    public static string Format(TimeSpan value)
    {
        var ticks = value.Ticks;
        var magnitude = ticks < 0 ? -(decimal)ticks : ticks;
        var text = new StringBuilder(ticks < 0 ? "-" : "");
        if (magnitude < TimeSpan.TicksPerSecond)
        {
            return text.Append(magnitude switch
            {
                0 => "0s",
                < TimeSpan.TicksPerMicrosecond => Invariant(magnitude * NanosecondsPerTick, "ns"),
                < TimeSpan.TicksPerMillisecond => Invariant(magnitude / TimeSpan.TicksPerMicrosecond, "µs"),
                _ => Invariant(magnitude / TimeSpan.TicksPerMillisecond, "ms"),
            }).ToString();
        }

        var hours = decimal.Floor(magnitude / TimeSpan.TicksPerHour);
        var minutes = decimal.Floor(magnitude % TimeSpan.TicksPerHour / TimeSpan.TicksPerMinute);
        if (hours > 0)
        {
            text.Append(Invariant(hours, "h"));
        }

        if (hours > 0 || minutes > 0)
        {
            text.Append(Invariant(minutes, "m"));
        }

        return text.Append(Invariant(magnitude % TimeSpan.TicksPerMinute / TimeSpan.TicksPerSecond, "s")).ToString();
    }

    private static string Invariant(decimal number, string unit) => number.ToString("0.#########", CultureInfo.InvariantCulture) + unit;

    private static decimal? NanosecondsOf(ReadOnlySpan<char> unit) => unit switch
    {
        "ns" => 1m,
        "us" or "µs" or "μs" => 1e3m,
        "ms" => 1e6m,
        "s" => 1e9m,
        "m" => 60e9m,
        "h" => 3600e9m,
        _ => null,
    };

    private static ReadOnlySpan<char> TakeWhile(ref ReadOnlySpan<char> rest, Func<char, bool> matches)
    {
        var length = 0;
        while (length < rest.Length && matches(rest[length]))
        {
            length++;
        }

        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }

    private static bool Fail(string reason, string text, out string error)
    {
        error = $"time: {reason} {GoQuote.Quote(text)}";
        return false;
    }
}
