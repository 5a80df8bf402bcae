using System.Text;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Http2.FlowControl;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>A connection that began as HTTP/1.1: the request is stream 1, and its settings count from the start (RFC 7540 §3.2).</summary>
public sealed class UpgradeTests
{
    private const ushort InitialWindow = 4;

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    public async Task Request_IsStreamOneAndIsAnsweredBeforeThePreface(string body)
    {
        var budget = new ReceiveBudget(1 << 20);
        await using var peer = ScriptedPeer.AsUpgradedClient(
            Request(body), options: new Http2Options { ReceiveBudget = budget });
        Assert.Equal("200", (await peer.ExpectHeadersAsync(1)).Get(":status"));
        if (body.Length > 0)
        {
            Assert.Equal(body, Encoding.ASCII.GetString((await peer.ExpectAsync(Wire.Data)).Payload));
        }

        Assert.True((await peer.ExpectAsync(Wire.Head)).Has(Wire.EndStream));
        await peer.HandshakeAsync();
        await peer.ExpectAliveAsync();
        Assert.Equal(0, peer.Connection.ActiveStreams);
        Assert.Equal(0, budget.HeldBytes);
        Assert.Empty(peer.Handler.Failures);
    }

    [Fact]
    public async Task FurtherRequests_AreStreamsFromThreeOn()
    {
        await using var peer = ScriptedPeer.AsUpgradedClient(Request(""));
        await peer.ExpectHeadersAsync(1);
        await peer.HandshakeAsync();
        await peer.SendAsync(Wire.Request(3, end: true));
        await peer.ExpectAsync(Wire.Head, f => f.StreamId == 3);
        await peer.SendAsync(Wire.Request(1, end: true));
        await peer.ExpectConnectionErrorAsync(Http2ErrorCode.StreamClosed);
    }

    [Fact]
    public async Task SettingsOfTheUpgrade_CountAtOnceAndAreNotAcknowledged()
    {
        await using var peer = ScriptedPeer.AsUpgradedClient(Request("hello", (InitialWindow, 2)));
        Assert.False((await peer.ExpectAsync(Wire.Settings)).Has(Wire.Ack));
        Assert.Equal("he", Encoding.ASCII.GetString((await peer.ExpectAsync(Wire.Data)).Payload));
        await peer.SendAsync(Wire.Preface, Wire.SettingsFrame((InitialWindow, 100)));
        Assert.True((await peer.ExpectAsync(Wire.Settings)).Has(Wire.Ack));
        Assert.Equal("llo", Encoding.ASCII.GetString((await peer.ExpectAsync(Wire.Data)).Payload));
    }

    [Theory]
    [InlineData(new byte[] { 0, 4, 0, 0 }, Http2ErrorCode.FrameSizeError)]
    [InlineData(new byte[] { 0, 4, 0xff, 0xff, 0xff, 0xff }, Http2ErrorCode.FlowControlError)]
    public async Task IllegalSettings_EndTheConnection(byte[] settings, Http2ErrorCode code)
    {
        await using var peer = ScriptedPeer.AsUpgradedClient(Request("") with { Settings = settings });
        await peer.ExpectConnectionErrorAsync(code);
    }

    [Fact]
    public async Task MalformedRequest_IsResetAndTheConnectionLives()
    {
        var request = Request("") with { Head = Heads.Request("POST", "/echo", ("connection", "close")) };
        await using var peer = ScriptedPeer.AsUpgradedClient(request);
        await peer.ExpectResetAsync(1, Http2ErrorCode.ProtocolError);
        await peer.HandshakeAsync();
        await peer.ExpectAliveAsync();
    }

    [Fact]
    public async Task BodyOfAnotherLengthThanAnnounced_IsReset()
    {
        var request = Request("hello") with { Head = Heads.Request("POST", "/echo", ("content-length", "6")) };
        await using var peer = ScriptedPeer.AsUpgradedClient(request);
        await peer.ExpectResetAsync(1, Http2ErrorCode.ProtocolError);
    }

    private static UpgradedRequest Request(string body, params (ushort Id, uint Value)[] settings) =>
        new(Heads.Request(), Encoding.ASCII.GetBytes(body), Wire.SettingsFrame(settings).AsMemory(9));
}
