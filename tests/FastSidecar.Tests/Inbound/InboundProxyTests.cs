using FastSidecar.AccessControl;
using FastSidecar.Inbound;
using FastSidecar.Invocation;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Tests.Inbound;

/// <summary>Proxied calls from other sidecars: ours reach our app, in whatever namespace; all others are refused.</summary>
public sealed class InboundProxyTests
{
    private readonly ScriptedTarget _app = new();
    private int _invoked;

    public InboundProxyTests() => _app.OnInvoke = (_, _) =>
    {
        _invoked++;
        return ValueTask.FromResult<InvokeResult>(new ScriptedResponse(0, isGrpcStatus: true));
    };

    [Theory]
    [InlineData("b")]
    [InlineData("b.default")]
    [InlineData("b.elsewhere")]
    public async Task OwnId_InAnyNamespace_ReachesTheApp(string target)
    {
        Assert.False((await InvokeAsync(target)).Failed);
        Assert.Equal(1, _invoked);
    }

    [Theory]
    [InlineData("c")]
    [InlineData("bb")]
    [InlineData("B")]
    [InlineData("c.b")]
    public async Task AnotherApp_IsNotRelayed(string target)
    {
        var result = await InvokeAsync(target);

        Assert.Equal(GrpcStatusCode.PermissionDenied, result.Error!.Code);
        Assert.Equal($"this is the sidecar of app b: calls of app {target} are not relayed", result.Error.Text);
        Assert.Equal(0, _invoked);
    }

    [Fact]
    public async Task NoName_IsRefused()
    {
        Assert.True((await InvokeAsync("")).Failed);
        Assert.Equal(0, _invoked);
    }

    private Task<InvokeResult> InvokeAsync(string target) =>
        new InboundProxy("b", _app, AccessPolicy.AllowAll)
            .InvokeAsync(new InvokeRequest { Target = target }, CancellationToken.None).AsTask().Within("the result");
}
