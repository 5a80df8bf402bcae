using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>The two spellings of a trace context, and that a request takes one over without allocating.</summary>
public sealed class TraceContextTests
{
    private const string Text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private static readonly byte[] TextBytes = Encoding.ASCII.GetBytes(Text);

    private static string Binary { get; } = Convert.ToBase64String(
        [0, 0, .. Convert.FromHexString("4bf92f3577b34da6a3ce929d0e0e4736"), 1, .. Convert.FromHexString("00f067aa0ba902b7"), 2, 1]).TrimEnd('=');

    [Fact]
    public void Zero_IsDaprsInBothSpellings()
    {
        Assert.Equal("00-00000000000000000000000000000000-0000000000000000-00"u8, TraceContext.Zero.Text);
        Assert.Equal("AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA"u8, TraceContext.Zero.Binary);
    }

    [Fact]
    public void TraceParent_GivesTheBinary()
    {
        var request = new InvokeRequest();
        request.SetTrace(TextBytes);

        Assert.False(request.Trace.IsZero);
        Assert.Equal(Text, Encoding.ASCII.GetString(request.Trace.Text));
        Assert.Equal(Binary, Encoding.ASCII.GetString(request.Trace.Binary));
    }

    [Theory]
    [InlineData("")]
    [InlineData("=")]
    public void Binary_GivesTheTraceParent(string padding)
    {
        var metadata = new HeaderList();
        metadata.Add("grpc-trace-bin"u8, Encoding.ASCII.GetBytes(Binary + padding));
        metadata.Add("traceparent"u8, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"u8);
        var request = new InvokeRequest();
        request.SetTraceFromGrpc(metadata);

        Assert.Equal(Text, Encoding.ASCII.GetString(request.Trace.Text));
        Assert.Equal(Binary, Encoding.ASCII.GetString(request.Trace.Binary));
    }

    [Theory]
    [InlineData("")]
    [InlineData("AAAA")]
    [InlineData("not base64 at all, and of forty bytes !!")]
    [InlineData("AQAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA")]
    [InlineData("AABL+S81d7NNpqPOkp0ODkc2AgDwZ6oLqQK3AgE")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAQDwZ6oLqQK3AgE")]
    public void BrokenBinary_LeavesTheTraceParent(string binary)
    {
        var metadata = new HeaderList();
        metadata.Add("grpc-trace-bin"u8, Encoding.ASCII.GetBytes(binary));
        var request = new InvokeRequest();
        request.SetTraceFromGrpc(metadata);
        Assert.True(request.Trace.IsZero);

        metadata.Add("traceparent"u8, TextBytes);
        request.SetTraceFromGrpc(metadata);
        Assert.Equal(Text, Encoding.ASCII.GetString(request.Trace.Text));
    }

    /// <summary>Zeros from a caller without a context are none, whatever else it says.</summary>
    [Fact]
    public void ZeroBinary_IsNone()
    {
        var metadata = new HeaderList();
        TraceContext.Zero.AddGrpcBinary(metadata);
        metadata.Add("traceparent"u8, TextBytes);
        var request = new InvokeRequest();
        request.SetTraceFromGrpc(metadata);

        Assert.True(request.Trace.IsZero);
    }

    [Fact]
    public void NextRequest_HasNothingOfTheLast()
    {
        var request = new InvokeRequest();
        request.SetTrace(TextBytes);
        request.SetTrace("00-nonsense"u8);
        Assert.True(request.Trace.IsZero);

        request.SetTrace(TextBytes);
        request.Clear();
        Assert.True(request.Trace.IsZero);
        Assert.Equal("00-00000000000000000000000000000000-0000000000000000-00"u8, TraceContext.Zero.Text);
    }

    [Fact]
    public void Taken_WithoutAllocation()
    {
        var request = new InvokeRequest();
        var metadata = new HeaderList();
        metadata.Add("grpc-trace-bin"u8, Encoding.ASCII.GetBytes(Binary));
        request.SetTrace(TextBytes);
        request.SetTraceFromGrpc(metadata);

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            request.SetTrace(TextBytes);
            request.SetTraceFromGrpc(metadata);
            request.Clear();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
