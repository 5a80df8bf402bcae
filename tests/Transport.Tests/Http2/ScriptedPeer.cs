using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>The other end of a connection under test: says what the test tells it, and reports what it hears, frame by frame.</summary>
internal sealed class ScriptedPeer : IAsyncDisposable
{
    private readonly IDuplexPipe _pipe;
    private readonly HpackDecoder _decoder = new(1 << 20);

    private ScriptedPeer(IDuplexPipe pipe, Http2Connection connection, TestHandler? handler)
    {
        _pipe = pipe;
        Connection = connection;
        Handler = handler!;
    }

    /// <summary>The connection under test.</summary>
    public Http2Connection Connection { get; }

    public TestHandler Handler { get; }

    /// <summary>A client for our server.</summary>
    public static ScriptedPeer AsClient(Func<Http2Stream, Task>? handle = null, Http2Options? options = null, TimeProvider? time = null)
    {
        var pipes = new PipePair(pauseBytes: 1 << 20);
        var handler = new TestHandler(handle ?? Handlers.EchoAsync);
        return new ScriptedPeer(
            pipes.Client, Http2Connection.StartServer(pipes.Server, options ?? new Http2Options(), handler, time ?? TimeProvider.System), handler);
    }

    /// <summary>A client that has had its 101 from our server; it has sent nothing since.</summary>
    public static ScriptedPeer AsUpgradedClient(UpgradedRequest request, Func<Http2Stream, Task>? handle = null, Http2Options? options = null)
    {
        var pipes = new PipePair(pauseBytes: 1 << 20);
        var handler = new TestHandler(handle ?? Handlers.EchoAsync);
        var connection = Http2Connection.StartUpgraded(pipes.Server, request, options ?? new Http2Options(), handler, TimeProvider.System);
        return new ScriptedPeer(pipes.Client, connection, handler);
    }

    /// <summary>A server for our client.</summary>
    public static ScriptedPeer AsServer(Http2Options? options = null, TimeProvider? time = null)
    {
        var pipes = new PipePair(pauseBytes: 1 << 20);
        return new ScriptedPeer(
            pipes.Server, Http2Connection.StartClient(pipes.Client, options ?? new Http2Options(), time ?? TimeProvider.System), null);
    }

    /// <summary>Preface and SETTINGS both ways, acknowledged.</summary>
    public async Task HandshakeAsync(params (ushort Id, uint Value)[] settings)
    {
        if (Connection.IsServer)
        {
            await SendAsync(Wire.Preface);
        }
        else
        {
            Assert.Equal(Wire.Preface, await ReadBytesAsync(Wire.Preface.Length));
        }

        await SendAsync(Wire.SettingsFrame(settings), Wire.SettingsAck);
        await ExpectAsync(Wire.Settings, f => f.Has(Wire.Ack));
    }

    public async Task SendAsync(params byte[][] frames)
    {
        foreach (var frame in frames)
        {
            _pipe.Output.Write(frame);
        }

        await _pipe.Output.FlushAsync().AsTask().Within("our bytes taken");
    }

    /// <summary>So that each byte arrives by itself.</summary>
    public async Task SendByteByByteAsync(byte[] bytes)
    {
        foreach (var b in bytes)
        {
            await SendAsync([b]);
            await Task.Yield();
        }
    }

    public async Task EndAsync() => await _pipe.Output.CompleteAsync();

    /// <summary>The next frame of that type, passing over others.</summary>
    public async Task<WireFrame> ExpectAsync(byte type, Func<WireFrame, bool>? match = null)
    {
        while (true)
        {
            var frame = await ReadFrameAsync() ?? throw new EndOfStreamException($"the connection ended before a frame of type {type}");
            if (frame.Type == type && (match is null || match(frame)))
            {
                return frame;
            }

            if (frame.Type == Wire.GoingAway && type != Wire.GoingAway)
            {
                throw new InvalidOperationException($"GOAWAY {frame} {System.Text.Encoding.UTF8.GetString(frame.Payload.AsSpan(8))} instead of a frame of type {type}");
            }
        }
    }

    /// <summary>The next frame that is neither SETTINGS nor WINDOW_UPDATE.</summary>
    public async Task<WireFrame> NextAsync()
    {
        while (true)
        {
            var frame = await ReadFrameAsync() ?? throw new EndOfStreamException("the connection ended");
            if (frame.Type is not (Wire.Settings or Wire.WindowUpdate))
            {
                return frame;
            }
        }
    }

    public async Task<HeaderList> ExpectHeadersAsync(int streamId)
    {
        var frame = await ExpectAsync(Wire.Head);
        Assert.Equal(streamId, frame.StreamId);
        return Decode(frame);
    }

    public HeaderList Decode(WireFrame headers)
    {
        var list = new HeaderList();
        _decoder.Decode(headers.Payload, list);
        return list;
    }

    /// <summary>GOAWAY with this code, and then the end.</summary>
    public async Task ExpectConnectionErrorAsync(Http2ErrorCode code)
    {
        var frame = await ExpectAsync(Wire.GoingAway);
        Assert.Equal(code, (Http2ErrorCode)frame.Word(4));
        await ExpectEndAsync();
        await _pipe.Output.CompleteAsync();
        await Connection.Closed.Within("the connection's end");
        Assert.NotNull(Connection.Failure);
    }

    public async Task ExpectResetAsync(int streamId, Http2ErrorCode code)
    {
        var frame = await ExpectAsync(Wire.RstStream);
        Assert.Equal(streamId, frame.StreamId);
        Assert.Equal(code, (Http2ErrorCode)frame.Word());
    }

    /// <summary>The connection still answers.</summary>
    public async Task ExpectAliveAsync()
    {
        await SendAsync(Wire.PingFrame(0x1234));
        var frame = await ExpectAsync(Wire.Ping);
        Assert.True(frame.Has(Wire.Ack));
        Assert.Equal(0x1234u, frame.Word(4));
    }

    /// <summary>The same, and no WINDOW_UPDATE had been waiting.</summary>
    public async Task ExpectAliveNoUpdateAsync()
    {
        await SendAsync(Wire.PingFrame(0x1234));
        while (await ReadFrameAsync() is { } frame && frame.Type != Wire.Ping)
        {
            Assert.False(frame.Type == Wire.WindowUpdate && frame.StreamId != 0, "a WINDOW_UPDATE came early");
        }
    }

    public async Task ExpectEndAsync()
    {
        while (await ReadFrameAsync() is not null)
        {
        }
    }

    public async Task<WireFrame?> ReadFrameAsync()
    {
        var header = await ReadBytesAsync(9, orEnd: true);
        if (header.Length == 0)
        {
            return null;
        }

        var payload = await ReadBytesAsync((header[0] << 16) | (header[1] << 8) | header[2]);
        return new WireFrame(header[3], header[4], System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(5)), payload);
    }

    /// <summary>Whether something has arrived that was not read, now.</summary>
    public bool HasUnread()
    {
        if (!_pipe.Input.TryRead(out var read))
        {
            return false;
        }

        var unread = !read.Buffer.IsEmpty;
        _pipe.Input.AdvanceTo(read.Buffer.Start);
        return unread;
    }

    public async ValueTask DisposeAsync()
    {
        await _pipe.Output.CompleteAsync();
        await _pipe.Input.CompleteAsync();
        await Connection.DisposeAsync().AsTask().Within("the connection's end");
    }

    private async Task<byte[]> ReadBytesAsync(int count, bool orEnd = false)
    {
        if (count == 0)
        {
            return [];
        }

        var read = await _pipe.Input.ReadAtLeastAsync(count).AsTask().Within($"{count} bytes from the connection under test");
        if (read.Buffer.Length < count)
        {
            Assert.True(orEnd && read.Buffer.IsEmpty, $"the connection ended after {read.Buffer.Length} of {count} bytes");
            _pipe.Input.AdvanceTo(read.Buffer.End);
            return [];
        }

        var bytes = read.Buffer.Slice(0, count).ToArray();
        _pipe.Input.AdvanceTo(read.Buffer.GetPosition(count));
        return bytes;
    }
}
