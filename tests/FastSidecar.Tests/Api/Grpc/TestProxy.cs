using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastSidecar.Tests.Api.Grpc;

/// <summary>Proxied calls that reach nobody.</summary>
internal sealed class TestProxy : IProxyRouter
{
    private static readonly InvokeError Nobody = ErrorTable.NotResolved("nobody is there");

    public static ProxiedCalls None() => new(
        new TestProxy(), new ProxyOptions { MaxMessageBytes = 1000, Origin = ProxyOrigin.Client }, TimeProvider.System, NullLogger.Instance);

    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken) => ValueTask.FromResult<InvokeResult>(Nobody);

    public ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, InvokeError failure, CancellationToken cancellationToken) =>
        ValueTask.FromResult<InvokeResult>(failure);
}
