using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace FastSidecar.Transport.Grpc;

/// <summary>Why a grpc-timeout was refused.</summary>
public enum TimeoutHeaderError
{
    None,
    TooShort,
    TooLong,
    UnknownUnit,
    NotANumber,
}

/// <summary>
/// The grpc-timeout header: at most 8 digits and a unit (H, M, S, m, u, n; grpc/grpc doc/PROTOCOL-HTTP2.md). Errors and limits are those of
/// grpc-go (internal/transport/http_util.go).
/// </summary>
public static class TimeoutHeader
{
    /// <summary>The longest value: 8 digits and the unit.</summary>
    public const int MaxBytes = MaxDigits + 1;

    private const int MaxDigits = 8;
    private const long MaxValue = 99_999_999;
    private const long NanosecondsPerTick = 100;

    /// <summary>What grpc-go holds at most, 2^63−1 ns or 292 years: added to any clock it does not overflow.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromTicks(long.MaxValue / NanosecondsPerTick);

    /// <summary>Reads a value. Nanoseconds round up to whole ticks of 100 ns, so a timeout that is not zero stays so.</summary>
    public static bool TryParse(ReadOnlySpan<byte> value, out TimeSpan timeout, out TimeoutHeaderError error)
    {
        timeout = default;
        error = Check(value, out var unitTicks, out var number);
        if (error != TimeoutHeaderError.None)
        {
            return false;
        }

        timeout = unitTicks == 0
            ? TimeSpan.FromTicks(DivideUp(number, NanosecondsPerTick))
            : number > Longest.Ticks / unitTicks ? Longest : TimeSpan.FromTicks(number * unitTicks);
        return true;
    }

    /// <summary>
    /// Writes the value in the finest unit that fits into 8 digits, rounded up, and returns its length. Nothing left, or less, is
    /// <c>0n</c>.
    /// <paramref name="output"/> must have <see cref="MaxBytes"/>.
    /// </summary>
    public static int Format(TimeSpan timeout, Span<byte> output)
    {
        var ticks = Math.Max(timeout.Ticks, 0);
        if (ticks <= MaxValue / NanosecondsPerTick)
        {
            return Write(ticks * NanosecondsPerTick, (byte)'n', output);
        }

        foreach (var unit in "umSM"u8)
        {
            var number = DivideUp(ticks, UnitTicks(unit));
            if (number <= MaxValue)
            {
                return Write(number, unit, output);
            }
        }

        return Write(Math.Min(DivideUp(ticks, TimeSpan.TicksPerHour), MaxValue), (byte)'H', output);
    }

    /// <summary>What grpc-go says of a refused value, for people; not for the hot path.</summary>
    public static string ErrorText(ReadOnlySpan<byte> value, TimeoutHeaderError error) => error switch
    {
        TimeoutHeaderError.TooShort => $"transport: timeout string is too short: {Quote(value)}",
        TimeoutHeaderError.TooLong => $"transport: timeout string is too long: {Quote(value)}",
        TimeoutHeaderError.UnknownUnit => $"transport: timeout unit is not recognized: {Quote(value)}",
        TimeoutHeaderError.NotANumber => $"strconv.ParseUint: parsing {Quote(value[..^1])}: invalid syntax",
        _ => throw new ArgumentOutOfRangeException(nameof(error), error, "there is no text for a value that was accepted"),
    };

    private static TimeoutHeaderError Check(ReadOnlySpan<byte> value, out long unitTicks, out long number)
    {
        unitTicks = 0;
        number = 0;
        if (value.Length < 2)
        {
            return TimeoutHeaderError.TooShort;
        }

        if (value.Length > MaxBytes)
        {
            return TimeoutHeaderError.TooLong;
        }

        unitTicks = UnitTicks(value[^1]);
        if (unitTicks < 0)
        {
            return TimeoutHeaderError.UnknownUnit;
        }

        foreach (var digit in value[..^1])
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return TimeoutHeaderError.NotANumber;
            }

            number = (number * 10) + (digit - '0');
        }

        return TimeoutHeaderError.None;
    }

    /// <summary>0 for the nanosecond, which is less than a tick; −1 for what is no unit.</summary>
    private static long UnitTicks(byte unit) => unit switch
    {
        (byte)'H' => TimeSpan.TicksPerHour,
        (byte)'M' => TimeSpan.TicksPerMinute,
        (byte)'S' => TimeSpan.TicksPerSecond,
        (byte)'m' => TimeSpan.TicksPerMillisecond,
        (byte)'u' => TimeSpan.TicksPerMicrosecond,
        (byte)'n' => 0,
        _ => -1,
    };

    private static long DivideUp(long number, long by) => (number / by) + (number % by > 0 ? 1 : 0);

    private static int Write(long number, byte unit, Span<byte> output)
    {
        var formatted = Utf8Formatter.TryFormat(number, output[..MaxBytes], out var digits);
        Debug.Assert(formatted && digits <= MaxDigits, "the unit was chosen so that the number has at most 8 digits");
        output[digits] = unit;
        return digits + 1;
    }

    /// <summary>As Go's %q does for ASCII; other bytes as \xNN.</summary>
    private static string Quote(ReadOnlySpan<byte> value)
    {
        var text = new StringBuilder("\"");
        foreach (var b in value)
        {
            _ = b switch
            {
                (byte)'"' or (byte)'\\' => text.Append('\\').Append((char)b),
                >= 0x20 and < 0x7f => text.Append((char)b),
                (byte)'\t' => text.Append("\\t"),
                _ => text.Append("\\x").Append(Convert.ToHexStringLower([b])),
            };
        }

        return text.Append('"').ToString();
    }
}
