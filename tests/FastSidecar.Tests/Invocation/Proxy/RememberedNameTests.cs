using System.Collections.Concurrent;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Tests.BackPressure;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

/// <summary>What the object of a finished call holds on to for the next one.</summary>
public sealed class RememberedNameTests
{
    [Theory]
    [InlineData(256, true)]
    [InlineData(257, false)]
    public async Task TargetsName_IsRememberedWhileItIsShort(int nameBytes, bool isRemembered)
    {
        var router = new Refusing();
        var calls = new ProxiedCalls(
            router, new ProxyOptions { MaxMessageBytes = 1000, Origin = ProxyOrigin.Client }, TimeProvider.System, NullLogger.Instance);
        await using var connection = new MemoryConnection(new Front(calls));
        for (var i = 0; i < 2; i++)
        {
            using var call = connection.Open();
            call.WriteHead(ProxyRig.Head(("te", "trailers"), ("dapr-app-id", new string('b', nameBytes))), endStream: true);
            await call.ReadHeadAsync(default).AsTask().Within("the refusal");
            for (var wait = 0; calls.Pooled != 1; wait++)
            {
                Assert.True(wait < 1000, "the call's object does not come back");
                await Task.Delay(10);
            }
        }

        var targets = router.Targets.ToArray();
        Assert.Equal(targets[0], targets[1]);
        Assert.Equal(nameBytes, targets[0].Length);
        Assert.Equal(isRemembered, ReferenceEquals(targets[0], targets[1]));
    }

    [Theory]
    [InlineData(1, 16 * 1024, false)]
    [InlineData(1, (16 * 1024) + 1, true)]
    [InlineData(17, 1024, true)]
    public void List_WithMoreThan16KiB_IsBulky(int fields, int fieldBytes, bool isBulky)
    {
        var list = new HeaderList();
        for (var i = 0; i < fields; i++)
        {
            list.Add("x"u8, new byte[fieldBytes - 1]);
        }

        Assert.Equal(isBulky, HeaderMemory.IsBulky(list));
    }

    private sealed class Front(ProxiedCalls calls) : IHttp2StreamHandler
    {
        public void OnStream(Http2Stream stream) => calls.Run(stream);
    }

    private sealed class Refusing : IProxyRouter
    {
        public ConcurrentQueue<string> Targets { get; } = new();

        public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
        {
            Targets.Enqueue(request.Target);
            return ValueTask.FromResult<InvokeResult>(ErrorTable.NotResolved("nobody is there"));
        }

        public ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, InvokeError failure, CancellationToken cancellationToken) =>
            ValueTask.FromResult<InvokeResult>(failure);
    }
}
