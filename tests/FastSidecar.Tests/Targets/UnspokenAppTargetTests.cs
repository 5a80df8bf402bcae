using System.Net;
using System.Net.Sockets;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Targets.Apps;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Targets;

/// <summary>Calls of an app that speaks what this version does not: each fails as a call of such an app would, and says why.</summary>
public sealed class UnspokenAppTargetTests : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly FakeTimeProvider _time = new();
    private readonly InvokeRequest _request = new() { Verb = HttpVerb.Get };

    public UnspokenAppTargetTests()
    {
        _listener.Start();
        _request.Method.Set("m"u8);
    }

    public void Dispose() => _listener.Dispose();

    [Theory]
    [InlineData("https", "Get \"https://127.0.0.1:{0}/m\": dial tcp 127.0.0.1:{0}: connect: connection refused")]
    public async Task AppDown_SaysWhatWasRefused(string protocol, string text)
    {
        var port = ((IPEndPoint)_listener.LocalEndpoint).Port;
        _listener.Stop();

        Assert.Equal(text.Replace("{0}", $"{port}", StringComparison.Ordinal), Text(await Invoke(protocol, port).Within("the answer")));
    }

    [Fact]
    public async Task TlsAppSilentInTheHandshake_GivesUpAfterTenSeconds()
    {
        var calling = Invoke("https", ((IPEndPoint)_listener.LocalEndpoint).Port);
        using var app = await _listener.AcceptSocketAsync().Within("the app's connection");
        Assert.True(await app.ReceiveAsync(new byte[1]).Within("the handshake's first byte") == 1);
        Assert.False(calling.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(10));

        Assert.EndsWith("net/http: TLS handshake timeout", Text(await calling.Within("the answer")), StringComparison.Ordinal);
    }

    private Task<InvokeResult> Invoke(string protocol, int port) =>
        new UnspokenAppTarget(protocol, "127.0.0.1", port, _time).InvokeAsync(_request, CancellationToken.None).AsTask();

    private static string Text(InvokeResult result) => result.Failed ? result.Error.Text : result.Response.StatusMessage;
}
