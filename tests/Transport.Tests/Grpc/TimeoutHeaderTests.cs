using System.Text;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Transport.Tests.Grpc;

public sealed class TimeoutHeaderTests
{
    [Theory]
    [InlineData("0n", 0)]
    [InlineData("1n", 1)] // less than a tick is still something
    [InlineData("100n", 1)]
    [InlineData("101n", 2)]
    [InlineData("5u", 50)]
    [InlineData("300m", 3_000_000)]
    [InlineData("30S", 300_000_000)]
    [InlineData("00000002M", 1_200_000_000)]
    [InlineData("99999999S", 999_999_990_000_000)]
    [InlineData("2562047H", 2562047 * TimeSpan.TicksPerHour)]
    [InlineData("2562048H", long.MaxValue / 100)] // grpc-go's longest, about 292 years
    [InlineData("99999999H", long.MaxValue / 100)]
    public void Valid(string text, long ticks)
    {
        Assert.True(TimeoutHeader.TryParse(Encoding.ASCII.GetBytes(text), out var timeout, out var error));
        Assert.Equal(ticks, timeout.Ticks);
        Assert.Equal(TimeoutHeaderError.None, error);
    }

    [Theory]
    [InlineData("", "transport: timeout string is too short: \"\"")]
    [InlineData("S", "transport: timeout string is too short: \"S\"")]
    [InlineData("100000000S", "transport: timeout string is too long: \"100000000S\"")]
    [InlineData("10s", "transport: timeout unit is not recognized: \"10s\"")]
    [InlineData("10\"", "transport: timeout unit is not recognized: \"10\\\"\"")]
    [InlineData("-1S", "strconv.ParseUint: parsing \"-1\": invalid syntax")]
    [InlineData("1.5S", "strconv.ParseUint: parsing \"1.5\": invalid syntax")]
    [InlineData(" 1S", "strconv.ParseUint: parsing \" 1\": invalid syntax")]
    public void Invalid(string text, string message)
    {
        var value = Encoding.ASCII.GetBytes(text);
        Assert.False(TimeoutHeader.TryParse(value, out var timeout, out var error));
        Assert.Equal(TimeSpan.Zero, timeout);
        Assert.Equal(message, TimeoutHeader.ErrorText(value, error));
    }

    [Theory]
    [InlineData(-1, "0n")]
    [InlineData(0, "0n")]
    [InlineData(1, "100n")]
    [InlineData(999_999, "99999900n")]
    [InlineData(1_000_000, "100000u")]
    [InlineData(1_000_001, "100001u")] // rounded up: never less than there was
    [InlineData(199_998_160, "19999816u")] // recorded from daprd
    [InlineData(999_999_990, "99999999u")]
    [InlineData(999_999_991, "100000m")]
    [InlineData(TimeSpan.TicksPerDay, "86400000m")]
    [InlineData(TimeSpan.TicksPerDay * 2, "172800S")]
    [InlineData(TimeSpan.TicksPerDay * 365 * 10, "5256000M")]
    [InlineData(TimeSpan.TicksPerDay * 365 * 200, "1752000H")]
    [InlineData(long.MaxValue, "99999999H")]
    public void Format_FinestUnitThatFits(long ticks, string text)
    {
        Span<byte> output = stackalloc byte[TimeoutHeader.MaxBytes];
        var length = TimeoutHeader.Format(TimeSpan.FromTicks(ticks), output);
        Assert.Equal(text, Encoding.ASCII.GetString(output[..length]));
    }
}
