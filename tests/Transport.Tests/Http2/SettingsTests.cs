using System.Buffers.Binary;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>What our first SETTINGS say.</summary>
public sealed class SettingsTests
{
    [Fact]
    public async Task Server_AnnouncesWithoutWaitingForThePreface()
    {
        await using var peer = ScriptedPeer.AsClient();
        var settings = Parse(await peer.ReadFrameAsync());
        Assert.Equal(1000u, settings[3]);
        Assert.False(settings.ContainsKey(4)); // the protocol's defaults, as daprd
        Assert.False(settings.ContainsKey(5));
        Assert.Equal(4096u << 10, settings[6]);
        var update = await peer.ReadFrameAsync();
        Assert.Equal((Wire.WindowUpdate, 0, (1024u * 1024) - 65_535), (update!.Type, update.StreamId, update.Word()));
    }

    [Fact]
    public async Task Server_CanAnnounceWhatDaprdDoes()
    {
        var options = new Http2Options
        {
            Announce = Http2AnnouncedSettings.MaxFrameSize | Http2AnnouncedSettings.MaxHeaderListSize,
            ConnectionWindowBytes = 65_535,
        };
        await using var peer = ScriptedPeer.AsClient(options: options);
        var settings = Parse(await peer.ReadFrameAsync());
        Assert.Equal(new Dictionary<int, uint> { [5] = 16_384, [6] = 4_194_304 }, settings);
        await peer.HandshakeAsync();
        await peer.SendAsync(Wire.Request(1, false), Wire.DataFrame(1, [1], end: true));
        await peer.ExpectHeadersAsync(1);
    }

    [Fact]
    public async Task Client_CanAnnounceNothing()
    {
        await using var peer = ScriptedPeer.AsServer(new Http2Options { Announce = Http2AnnouncedSettings.None, ConnectionWindowBytes = 65_535 });
        await peer.HandshakeAsync();
    }

    [Fact]
    public async Task Client_SwitchesPushOff()
    {
        var pipes = new PipePair();
        await using var connection = Http2Connection.StartClient(pipes.Client, new Http2Options(), TimeProvider.System);
        var read = await pipes.Server.Input.ReadAtLeastAsync(24 + 9);
        var bytes = System.Buffers.BuffersExtensions.ToArray(read.Buffer);
        Assert.Equal(Wire.Preface, bytes[..24]);
        Assert.Equal(0, bytes[24 + 9 + 1] - 2);
        pipes.Server.Input.AdvanceTo(read.Buffer.End);
        await pipes.Server.Output.CompleteAsync();
    }

    [Fact]
    public void Options_NameEveryProblem()
    {
        Assert.Empty(new Http2Options().Validate());
        var wrong = new Http2Options { MaxFrameBytes = 1, ConnectionWindowBytes = 1, MaxConcurrentStreams = 0, KeepAliveTimeout = TimeSpan.Zero };
        Assert.Equal(4, wrong.Validate().Count);
    }

    private static Dictionary<int, uint> Parse(WireFrame? frame)
    {
        Assert.NotNull(frame);
        Assert.Equal(Wire.Settings, frame.Type);
        var settings = new Dictionary<int, uint>();
        for (var i = 0; i < frame.Payload.Length; i += 6)
        {
            settings.Add(BinaryPrimitives.ReadUInt16BigEndian(frame.Payload.AsSpan(i)), frame.Word(i + 2));
        }

        return settings;
    }
}
