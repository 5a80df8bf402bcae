using FastSidecar.Invocation.Proxy;

namespace FastSidecar.Tests.Api.Grpc;

/// <summary>Proxied calls of a test that has none.</summary>
internal static class TestProxy
{
    public static ProxiedCalls None() => new();
}
