using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Http2.Frames;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Everything that leaves on a connection. Frames are put together under the connection's lock and leave in one flush: at the end of the
/// turn that made them, or, when a flush is under way, all together when that has ended.
/// </summary>
/// <remarks>
/// <para>
/// During a flush control frames and HEADERS wait in the <see cref="FrameSink"/>, and DATA waits in its streams: that is the back pressure.
/// </para>
/// <para>
/// HEADERS are encoded when they are queued and leave in that order, because the peer's HPACK table follows the order on the wire. A
/// stream's trailers are encoded after its last DATA was taken.
/// </para>
/// </remarks>
internal sealed class ConnectionOutput
{
    private readonly Http2Connection _connection;
    private readonly PipeWriter _transport;
    private readonly PeerSettings _peer;
    private readonly FrameSink _sink;
    private readonly DataOutput _data;
    private readonly HeadEncoder _heads = new(new HpackEncoder());
    private readonly Action _onFlushed;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _pendingFlush;
    private TaskCompletionSource? _flushEnd;
    private bool _stopped;

    public ConnectionOutput(Http2Connection connection, PipeWriter transport, PeerSettings peer)
    {
        _connection = connection;
        _transport = transport;
        _peer = peer;
        _sink = new FrameSink(transport);
        _data = new DataOutput(this, transport, _sink, peer);
        _onFlushed = OnFlushed;
    }

    /// <summary>Under the lock: nothing is left to flush and no flush is under way.</summary>
    public bool IsIdleUnsynchronized => !_sink.IsFlushing && !IsDueUnsynchronized;

    /// <summary>The transport has not ended a flush.</summary>
    public bool IsFlushing => _sink.IsFlushing;

    /// <summary>
    /// A flush would send something. Read without the lock: what this thread has written it sees, and whoever writes on another thread
    /// flushes there.
    /// </summary>
    public bool IsDue => !_sink.IsFlushing && IsDueUnsynchronized;

    private bool IsDueUnsynchronized => !_stopped && (_sink.Unflushed > 0 || _sink.HasWaiting || _data.IsDue);

    public void WritePrefaceUnsynchronized()
    {
        var preface = FrameReader.ClientPreface;
        _sink.Writer.Write(preface);
        _sink.Wrote(preface.Length);
    }

    public void WriteSettingsUnsynchronized(ReadOnlySpan<(SettingId Id, uint Value)> settings) =>
        _sink.Wrote(FrameWriter.WriteSettings(_sink.Writer, settings));

    public void WriteSettingsAckUnsynchronized()
    {
        _sink.CountAnswer();
        _sink.Wrote(FrameWriter.WriteSettingsAck(_sink.Writer));
    }

    public void WritePingUnsynchronized(ulong opaque) => _sink.Wrote(FrameWriter.WritePing(_sink.Writer, opaque, ack: false));

    public void WritePingAckUnsynchronized(ulong opaque)
    {
        _sink.CountAnswer();
        _sink.Wrote(FrameWriter.WritePing(_sink.Writer, opaque, ack: true));
    }

    /// <summary>Stream 0: the connection's window.</summary>
    public void WriteWindowUpdateUnsynchronized(int streamId, int increment) =>
        _sink.Wrote(FrameWriter.WriteWindowUpdate(_sink.Writer, streamId, increment));

    /// <param name="streamId">The stream to end.</param>
    /// <param name="code">Why.</param>
    /// <param name="isAnswer">The peer caused it, in a frame that is being parsed.</param>
    public void WriteResetUnsynchronized(int streamId, Http2ErrorCode code, bool isAnswer)
    {
        if (isAnswer)
        {
            _sink.CountAnswer();
        }

        _sink.Wrote(FrameWriter.WriteReset(_sink.Writer, streamId, code));
    }

    public void WriteGoAwayUnsynchronized(int lastStreamId, Http2ErrorCode code, string debugText) =>
        _sink.Wrote(FrameWriter.WriteGoAway(_sink.Writer, lastStreamId, code, debugText));

    /// <summary>What a head to be sent has in common with an earlier one. To be used at once.</summary>
    /// <exception cref="ArgumentException">A name or value that HTTP/2 does not allow.</exception>
    public HeadPrefix? CheckHeadUnsynchronized(HeaderList head) => _heads.RecallChecked(head);

    /// <summary>HEADERS that end a stream, checked before.</summary>
    public void WriteTrailersUnsynchronized(Http2Stream stream, HeaderList trailers) =>
        WriteHeadersUnsynchronized(stream, trailers, _heads.Recall(trailers), endStream: true);

    /// <summary>HEADERS of a head. They go before any DATA of the stream, at the latest with the end of the turn.</summary>
    public void WriteHeadersUnsynchronized(Http2Stream stream, HeaderList headers, HeadPrefix? known, bool endStream)
    {
        Debug.Assert(_connection.Gate.IsHeldByCurrentThread, "the connection's lock guards the output");
        if (_stopped)
        {
            return;
        }

        var block = _heads.Encode(headers, known);
        _sink.Wrote(FrameWriter.WriteHeaderBlock(_sink.Writer, stream.Id, block, endStream, _peer.MaxFrameBytes));
        _heads.Release();
        if (endStream)
        {
            stream.OnOutputEndUnsynchronized();
        }
    }

    /// <summary>The stream has committed data or its end, or its window has opened: it takes its turns from now on.</summary>
    public void SendUnsynchronized(Http2Stream stream)
    {
        if (!_stopped)
        {
            _data.Send(stream);
        }
    }

    /// <summary>The stream has failed: nothing of it is sent any more.</summary>
    public void RemoveUnsynchronized(Http2Stream stream) => _data.Remove(stream);

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE.</summary>
    public void SetHeaderTableBytesUnsynchronized(uint bytes) => _heads.SetPeerTableBytes(bytes);

    /// <summary>WINDOW_UPDATE of the connection; false on overflow.</summary>
    public bool TryGrowWindowUnsynchronized(int increment) => _data.TryGrowWindow(increment);

    /// <summary>Nothing more is sent, not even what waits.</summary>
    public void StopUnsynchronized()
    {
        _stopped = true;
        _sink.Stop();
        _data.Stop();
    }

    /// <summary>Outside of the lock: sends what is due, unless a flush is under way, which then does it.</summary>
    public void Flush()
    {
        lock (_connection.Gate)
        {
            if (_sink.IsFlushing || !IsDueUnsynchronized)
            {
                return;
            }

            _sink.IsFlushing = true;
        }

        FlushWhileDue();
    }

    /// <summary>Completes when no flush is under way.</summary>
    public Task WaitForFlushAsync()
    {
        lock (_connection.Gate)
        {
            if (!_sink.IsFlushing)
            {
                return Task.CompletedTask;
            }

            _flushEnd ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _flushEnd.Task;
        }
    }

    private void FlushWhileDue()
    {
        while (TryPrepare())
        {
            try
            {
                var flush = _transport.FlushAsync();
                if (!flush.IsCompleted)
                {
                    _pendingFlush = flush.ConfigureAwait(false).GetAwaiter();
                    _pendingFlush.UnsafeOnCompleted(_onFlushed);
                    return;
                }

                Finish(flush.GetAwaiter().GetResult());
            }
            catch (Exception failure)
            {
                // Whatever a transport throws, it has failed.
                Fail(failure);
                return;
            }
        }

        _connection.OnFlushEnded();
    }

    private void OnFlushed()
    {
        try
        {
            Finish(_pendingFlush.GetResult());
        }
        catch (Exception failure)
        {
            Fail(failure);
            _connection.Settle();
            return;
        }

        FlushWhileDue();
        _connection.Settle();
    }

    /// <summary>
    /// Fills the transport's buffer for one flush; false when there is nothing to send, and no flush is under way any more.
    /// </summary>
    private bool TryPrepare()
    {
        lock (_connection.Gate)
        {
            _sink.IsFlushing = false; // the transport's writer is ours: what is written goes there directly
            if (!_stopped)
            {
                _sink.TakeWaiting();
                _data.Pump(isFlushNext: true);
                _sink.IsFlushing = _sink.Unflushed > 0;
            }

            if (!_sink.IsFlushing)
            {
                _flushEnd?.TrySetResult();
            }

            return _sink.IsFlushing;
        }
    }

    private void Finish(FlushResult result)
    {
        if (result.IsCompleted || result.IsCanceled)
        {
            throw new IOException("the transport does not take bytes any more");
        }

        lock (_connection.Gate)
        {
            _sink.OnFlushed();
            _data.OnFlushed();
        }
    }

    private void Fail(Exception failure)
    {
        lock (_connection.Gate)
        {
            _sink.IsFlushing = false;
            _sink.OnFlushed();
            StopUnsynchronized();
            _flushEnd?.TrySetResult();
            _data.OnFlushed();
        }

        _connection.OnWriteFailed(failure);
    }
}
