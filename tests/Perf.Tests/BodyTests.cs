using FastSidecar.Load;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class BodyTests
{
    /// <summary>The check value of CRC-32C for "123456789" (RFC 3720 appendix B.4 describes the polynomial).</summary>
    [Fact]
    public void Hash_IsCrc32C() => Assert.Equal(0xE3069283, Body.Hash("123456789"u8));

    [Fact]
    public void HashOfPieces_IsThatOfTheWhole()
    {
        var body = Body.Make(1000);
        for (var cut = 0; cut <= body.Length; cut += 7)
        {
            Assert.Equal(Body.Hash(body), Body.Hash(Body.Hash(body.AsSpan(0, cut)), body.AsSpan(cut)));
        }
    }

    [Fact]
    public void OneWrongByte_IsAnotherHash()
    {
        var body = Body.Make(1024 * 1024);
        var hash = Body.Hash(body);
        body[700_000] ^= 1;
        Assert.NotEqual(hash, Body.Hash(body));
    }

    [Fact]
    public void Body_IsPrintableAndWithoutPlaces() =>
        Assert.DoesNotContain(Body.Make(4096), one => one is < (byte)'-' or > (byte)'z' or (byte)'@');
}
