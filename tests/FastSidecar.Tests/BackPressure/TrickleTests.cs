using FastSidecar.AccessControl;
using FastSidecar.Api.Peer;
using FastSidecar.Inbound;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Targets.Apps;
using FastSidecar.Targets.Peers;
using FastSidecar.Tests.Api.Grpc;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.BackPressure;

/// <summary>
/// A body that comes in small pieces with nothing between them, to somebody who does not read: no more of it is taken than the way holds,
/// and all of it arrives once it is read.
/// </summary>
public sealed class TrickleTests
{
    private const int MaxMessageBytes = 4 << 20;

    private readonly TricklingBody _body = new();
    private readonly InvokeRequest _request = new() { Verb = HttpVerb.Post };

    public TrickleTests()
    {
        _request.Method.Set("m"u8);
        _request.Body.Start(_body, length: null, BodyKind.Bytes, limitBytes: 0, keepAtMost: 0);
    }

    [Fact]
    public async Task ToAnAppOverHttp2_WaitsForItsReader()
    {
        await using var connection = new MemoryConnection();
        await using var channels = new ChannelPool(new ChannelPoolOptions(), TimeProvider.System);
        var target = new H2cAppTarget(new HttpAppOptions { Port = 1 }, channels, TimeProvider.System, InvocationObserver.None);
        var call = new H2cAppCall(target);
        call.Send(connection.Open(), _request, "/m"u8, CancellationToken.None);

        await _body.StopsEarlyAsync();

        using var app = await connection.AcceptedAsync();
        Assert.InRange(await MemoryConnection.ReadToEndAsync(app), TricklingBody.TotalBytes, int.MaxValue);
        await call.DisposeAsync().AsTask().Within("the call's end");
    }

    [Fact]
    public async Task ToAPeer_WaitsForItsReader()
    {
        await using var connection = new MemoryConnection();
        var call = new PeerCallPool(MaxMessageBytes).Rent();
        call.Start(connection.Open(), _request);
        call.SendStream(new PeerCallTemplate(MethodPaths.CallLocalStream, "b:1"u8, tls: false), CancellationToken.None);

        await _body.StopsEarlyAsync();

        using var peer = await connection.AcceptedAsync();
        Assert.InRange(await MemoryConnection.ReadToEndAsync(peer), TricklingBody.TotalBytes, int.MaxValue);
        await call.DisposeAsync().AsTask().Within("the call's end");
    }

    [Fact]
    public async Task AppsAnswerToAPeer_WaitsForItsReader()
    {
        var app = new ScriptedTarget();
        app.Answers(new ScriptedResponse(200, _body));
        var service = new PeerService(
            new InboundInvoker(app, AccessPolicy.AllowAll), TestProxy.None(), new PeerServiceOptions(MaxMessageBytes), TimeProvider.System, NullLogger.Instance);
        await using var connection = new MemoryConnection(service);
        using var caller = connection.Open();
        _request.Metadata.Add("X-A"u8, "1"u8);
        caller.WriteHead(new PeerCallTemplate(MethodPaths.CallLocalStream, "b:1"u8, tls: false).For(TraceContext.Zero, null, new()), endStream: false);
        PeerRequestEncoder.WriteFirst(
            caller.Output,
            new PeerRequestFields(_request.Metadata) { Version = 1, Method = "m"u8, HasHttpExtension = true, Verb = HttpVerb.Post },
            default,
            MaxMessageBytes);
        caller.End(null);

        await _body.StopsEarlyAsync();

        await caller.ReadHeadAsync(default).AsTask().Within("the answer's head");
        Assert.InRange(await MemoryConnection.ReadToEndAsync(caller), TricklingBody.TotalBytes, int.MaxValue);
        Assert.True(caller.Trailers.TryGet("grpc-status"u8, out var status) && status.SequenceEqual("0"u8));
    }
}
