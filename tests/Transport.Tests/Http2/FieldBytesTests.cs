using System.Buffers;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

public sealed class FieldBytesTests
{
    private static readonly SearchValues<byte> Token = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);

    [Theory]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(32)]
    [InlineData(40)]
    public void EveryByte_AtEveryPlace_IsJudged(int length)
    {
        var text = new byte[length];
        for (var place = 0; place < length; place++)
        {
            text.AsSpan().Fill((byte)'a');
            for (var b = 0; b < 256; b++)
            {
                text[place] = (byte)b;
                Assert.True(Token.Contains((byte)b) == FieldBytes.IsName(text), $"name with {b} at {place} of {length}");
                Assert.True(b is 9 or (>= 32 and not 127) == FieldBytes.IsValue(text), $"value with {b} at {place} of {length}");
                Assert.True(b is not (0 or 10 or 13) == FieldBytes.IsSendableValue(text), $"our value with {b} at {place} of {length}");
            }
        }
    }

    [Fact]
    public void EmptyText_IsAValueButNoName()
    {
        Assert.False(FieldBytes.IsName([]));
        Assert.True(FieldBytes.IsValue([]));
        Assert.True(FieldBytes.IsSendableValue([]));
    }
}
