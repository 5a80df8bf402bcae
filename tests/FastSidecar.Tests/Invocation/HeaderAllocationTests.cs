using System.Buffers;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>What runs for every request allocates nothing once its lists have grown.</summary>
public sealed class HeaderAllocationTests
{
    private readonly HeaderList _request = new();
    private readonly HeaderList _metadata = new();
    private readonly HeaderList _app = new();
    private readonly HeaderList _answer = new();
    private readonly HeaderList _client = new();
    private readonly ArrayBufferWriter<byte> _target = new(1024);
    private readonly TraceContext _trace = new();
    private readonly CallerHeaders _caller = new("caller", "default", "10.0.0.1", "host");

    [Fact]
    public void HeadersOfACall_AreCarriedWithoutAllocation()
    {
        _request.Add("host"u8, "localhost"u8);
        _request.Add("content-type"u8, "text/plain"u8);
        _request.Add("connection"u8, "keep-alive, x-hop"u8);
        _request.Add("x-hop"u8, "1"u8);
        _request.Add("traceparent"u8, "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"u8);
        _request.Add("tracestate"u8, "a=1"u8);
        _request.Add("baggage"u8, "a=1,b=2;p"u8);
        _answer.Add("content-type"u8, "text/plain"u8);
        _answer.Add("set-cookie"u8, "a=b"u8);

        Call();
        Call();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            Call();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal("/api/x?a=1"u8, _target.WrittenSpan);
    }

    private void Call()
    {
        _metadata.Clear();
        _app.Clear();
        _client.Clear();
        _target.ResetWrittenCount();
        Assert.Null(Baggage.Validate(_request));
        HeaderRules.ClientToMetadata(_request, new ClientHeaderOptions(false, false, ToPeer: true), _metadata);
        _caller.AddTo(_metadata, "callee"u8);
        Assert.True(_request.TryGet("traceparent"u8, out var traceParent));
        Assert.True(_trace.TrySet(traceParent));
        TraceHeaders.AddToApp(_trace.Text, default, _metadata, isOn: true, _app);
        HeaderRules.MetadataToApp(_metadata, "text/plain"u8, fromPeer: true, _app);
        Assert.Null(AppTarget.Build("api/x"u8, "a=1"u8, "http://127.0.0.1:1"u8, _target));

        _metadata.Clear();
        HeaderRules.AppToMetadata(_answer, isHttp10: false, _metadata);
        TraceHeaders.AddToClient(_request, _metadata, isOn: true, _client);
        HeaderRules.MetadataToClient(_metadata, "text/plain"u8, _client);
    }
}
