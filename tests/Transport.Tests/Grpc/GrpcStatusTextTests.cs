using System.Text;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Transport.Tests.Grpc;

public sealed class GrpcStatusTextTests
{
    [Fact]
    public void EveryCode_HasItsGoName()
    {
        foreach (var code in Enum.GetValues<GrpcStatusCode>())
        {
            Assert.Equal(code.ToString(), GrpcStatusText.NameOf(code));
        }
    }

    [Theory]
    [InlineData(17, "Code(17)")]
    [InlineData(99, "Code(99)")] // recorded: fixtures grpc/caller.json
    [InlineData(-1, "Code(4294967295)")]
    public void OtherNumbers_AreNamedByNumber(int code, string name) => Assert.Equal(name, GrpcStatusText.NameOf((GrpcStatusCode)code));

    [Theory]
    [InlineData("0", 0)]
    [InlineData("14", 14)]
    [InlineData("+5", 5)]
    [InlineData("007", 7)]
    [InlineData("-1", -1)]
    [InlineData("2147483647", int.MaxValue)]
    public void Number_IsRead(string text, int code)
    {
        Assert.True(GrpcStatusText.TryParse(Encoding.ASCII.GetBytes(text), out var read));
        Assert.Equal((GrpcStatusCode)code, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("abc")]
    [InlineData("+")]
    [InlineData("-")]
    [InlineData("1 ")]
    [InlineData(" 1")]
    [InlineData("1.0")]
    [InlineData("2147483648")]
    public void AnythingElse_IsRefused(string text)
    {
        Assert.False(GrpcStatusText.TryParse(Encoding.ASCII.GetBytes(text), out var read));
        Assert.Equal(GrpcStatusCode.Unknown, read);
    }

    [Theory]
    [InlineData(0, "0")]
    [InlineData(16, "16")]
    [InlineData(-1, "4294967295")]
    public void Number_IsWritten(int code, string text)
    {
        Span<byte> output = stackalloc byte[GrpcStatusText.MaxBytes];
        Assert.Equal(text, Encoding.ASCII.GetString(output[..GrpcStatusText.Write((GrpcStatusCode)code, output)]));
    }
}
