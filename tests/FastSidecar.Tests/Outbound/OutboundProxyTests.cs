using System.IO.Pipelines;
using FastSidecar.Invocation;
using FastSidecar.Outbound;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Outbound;

/// <summary>Which way proxied calls of the own clients take, and when one is sent again. Nobody listens where the resolver points to.</summary>
public sealed class OutboundProxyTests : IAsyncDisposable
{
    private static readonly InvokeError Refused = new(ErrorSide.Peer, GrpcStatusCode.Unavailable, "the first attempt") { NotConnected = true };
    private static readonly InvokeError Unseen = new(ErrorSide.Peer, GrpcStatusCode.Unavailable, "the first attempt") { NeverProcessed = true };
    private static readonly InvokeError Other = new(ErrorSide.Peer, GrpcStatusCode.Unavailable, "the first attempt");

    private readonly ChannelPool _channels = new(new ChannelPoolOptions(), TimeProvider.System);
    private readonly CachingResolver _resolver = new(new LocalResolver(), new CachingOptions(), TimeProvider.System, NullLogger.Instance);
    private readonly ScriptedTarget _ownApp = new();
    private readonly InvokeRequest _request = new();
    private int _invoked;

    public OutboundProxyTests()
    {
        _ownApp.OnInvoke = (_, _) =>
        {
            _invoked++;
            return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(0, isGrpcStatus: true));
        };
        _request.Method.Set("/user.Svc/M"u8);
        _request.Body.Start(PipeReader.Create(new MemoryStream([1])), length: null, BodyKind.Messages, limitBytes: 0, keepAtMost: 0);
    }

    public async ValueTask DisposeAsync()
    {
        await _resolver.DisposeAsync();
        await _channels.DisposeAsync();
    }

    [Theory]
    [InlineData("a")]
    [InlineData("a.default")]
    [InlineData("a.elsewhere")]
    public async Task OwnId_InAnyNamespace_StaysHere(string target)
    {
        Assert.False((await InvokeAsync(Proxy(), target)).Failed);
        Assert.Equal(1, _invoked);
    }

    [Fact]
    public async Task AnotherApp_IsAskedAtItsSidecar_AndToldWhoCalls()
    {
        var result = await InvokeAsync(Proxy(), "b");

        Assert.True(result.Error!.NotConnected, result.Error.Reason);
        Assert.Equal("127.0.0.1:1", _request.PeerAddress);
        Assert.True(_request.Metadata.TryGet("dapr-caller-app-id"u8, out var caller) && caller.SequenceEqual("a"u8));
        Assert.True(_request.Metadata.TryGet("dapr-callee-app-id"u8, out var callee) && callee.SequenceEqual("b"u8));
        Assert.Equal(0, _invoked);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("b")]
    public async Task NoResolver_EveryCallFails(string target)
    {
        Assert.Same(ErrorTable.ResolverMissing, (await InvokeAsync(Proxy(resolves: false), target)).Error);
        Assert.Equal(0, _invoked);
    }

    [Fact]
    public async Task Failed_WhileNothingHasLeft_IsSentAgain()
    {
        foreach (var failure in new[] { Refused, Unseen })
        {
            _request.PeerAddress = "127.0.0.1:1";
            var result = await RepeatAsync(failure);
            Assert.NotSame(failure, result.Error);
            Assert.True(result.Error!.NotConnected, result.Error.Reason);
        }
    }

    [Theory]
    [InlineData("other failure")]
    [InlineData("no address")]
    [InlineData("cancelled")]
    [InlineData("messages left")]
    public async Task Failed_InAnotherWay_IsToldAtOnce(string way)
    {
        _request.PeerAddress = way == "no address" ? "" : "127.0.0.1:1";
        if (way == "messages left")
        {
            var read = await _request.Body.ReadAsync(default).AsTask().Within("the message");
            _request.Body.AdvanceTo(read.Buffer.End);
        }

        var failure = way == "other failure" ? Other : Unseen;
        Assert.Same(failure, (await RepeatAsync(failure, new CancellationToken(way == "cancelled"))).Error);
    }

    private Task<InvokeResult> InvokeAsync(OutboundProxy proxy, string target)
    {
        _request.Target = target;
        return proxy.InvokeAsync(_request, CancellationToken.None).AsTask().Within("the result");
    }

    private Task<InvokeResult> RepeatAsync(InvokeError failure, CancellationToken cancellationToken = default)
    {
        _request.Target = "b";
        return Proxy().RepeatAsync(_request, failure, cancellationToken).AsTask().Within("the result");
    }

    private OutboundProxy Proxy(bool resolves = true)
    {
        var invoker = new OutboundInvoker(
            new TargetRouter("a", "default"),
            resolves ? _resolver : null,
            port: 1,
            new PeerTargets(_channels, 4 << 20, TimeProvider.System, InvocationObserver.None),
            ownApp: null,
            new AttemptRunner(new BuiltInRetry(), TimeProvider.System),
            new CallerHeaders("a", "default", "127.0.0.1", "host"));
        return new OutboundProxy(invoker, "a", _ownApp);
    }

    private sealed class LocalResolver : INameResolver
    {
        public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(ResolveResult.Found(["127.0.0.1:1"], isComplete: true));
    }
}
