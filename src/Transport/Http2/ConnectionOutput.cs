using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Everything that leaves on a connection. Frames are put together under the connection's lock and leave in one flush: at the end of the turn that made
/// them, or, when a flush is under way, all together when that has ended.
/// </summary>
/// <remarks>
/// <para>
/// While no flush is under way frames are written straight into the transport's buffer. During a flush the transport's writer belongs to the flushing
/// thread, so control frames and HEADERS wait in <c>_waiting</c>, and DATA waits in its streams: that is the back pressure.
/// </para>
/// <para>
/// HEADERS are encoded when they are queued and leave in that order, because the peer's HPACK table follows the order on the wire. A stream's trailers are encoded
/// after its last DATA was taken.
/// </para>
/// </remarks>
internal sealed class ConnectionOutput
{
    /// <summary>DATA goes into the transport's buffer up to this much between two flushes. Beyond it producers wait.</summary>
    private const int MaxBufferedBytes = 64 * 1024;

    /// <summary>
    /// Memory of a caller this large is given to a gathering transport as it is. A frame of 16 KiB costs a microsecond to copy; below half of that the copy is cheaper
    /// than one more piece of the gather write, and few pieces fit into one system call.
    /// </summary>
    internal const int MinExternalBytes = 8 * 1024;

    /// <summary>A frame of at most this much is not split over two of the transport's blocks.</summary>
    private const int MaxSmallBytes = 512;

    /// <summary>Answers (to PING, SETTINGS, broken streams) that may wait while the peer does not read. A peer that asks for more is not in good faith.</summary>
    private const int MaxWaitingAnswers = 10_000;

    private readonly Http2Connection _connection;
    private readonly PipeWriter _transport;
    private readonly IGatherWriter? _gather;
    private readonly PeerSettings _peer;
    private readonly HpackEncoder _encoder = new();
    private readonly ArrayBufferWriter<byte> _block = new();
    private readonly ArrayBufferWriter<byte> _waiting = new();
    private readonly Streams.SendQueue _queue = new();
    private readonly List<Http2Stream> _externals = []; // streams whose callers' memory the flush under way reads
    private readonly Action _onFlushed;
    private ConfiguredValueTaskAwaitable<FlushResult>.ConfiguredValueTaskAwaiter _pendingFlush;
    private Window _window = new(Window.InitialBytes);
    private int _unflushed;
    private int _waitingAnswers;
    private bool _flushing;
    private bool _stopped;
    private TaskCompletionSource? _flushEnd;

    public ConnectionOutput(Http2Connection connection, PipeWriter transport, PeerSettings peer)
    {
        _connection = connection;
        _transport = transport;
        _gather = transport as IGatherWriter;
        _peer = peer;
        _onFlushed = OnFlushed;
    }

    /// <summary>Under the lock: nothing is left to flush and no flush is under way.</summary>
    public bool IsIdleUnsynchronized => !_flushing && !IsDueUnsynchronized;

    /// <summary>The transport has not ended a flush.</summary>
    public bool IsFlushing => Volatile.Read(ref _flushing);

    /// <summary>
    /// A flush would send something. Read without the lock: what this thread has written it sees, and whoever writes on another thread flushes there.
    /// </summary>
    public bool IsDue => !_flushing && IsDueUnsynchronized;

    private bool IsDueUnsynchronized => _unflushed > 0 || _waiting.WrittenCount > 0 || (!_queue.IsEmpty && _window.Available > 0);

    private IBufferWriter<byte> Sink => _flushing || _stopped ? _waiting : _transport;

    public void WritePrefaceUnsynchronized()
    {
        var preface = FrameReader.ClientPreface;
        preface.CopyTo(_transport.GetSpan(preface.Length));
        _transport.Advance(preface.Length);
        _unflushed += preface.Length;
    }

    public void WriteSettingsUnsynchronized(ReadOnlySpan<(SettingId Id, uint Value)> settings) => Written(FrameWriter.WriteSettings(Sink, settings));

    public void WriteSettingsAckUnsynchronized()
    {
        CountAnswer();
        Written(FrameWriter.WriteSettingsAck(Sink));
    }

    public void WritePingUnsynchronized(ulong opaque) => Written(FrameWriter.WritePing(Sink, opaque, ack: false));

    public void WritePingAckUnsynchronized(ulong opaque)
    {
        CountAnswer();
        Written(FrameWriter.WritePing(Sink, opaque, ack: true));
    }

    /// <summary>Stream 0: the connection's window.</summary>
    public void WriteWindowUpdateUnsynchronized(int streamId, int increment) => Written(FrameWriter.WriteWindowUpdate(Sink, streamId, increment));

    /// <param name="streamId">The stream to end.</param>
    /// <param name="code">Why.</param>
    /// <param name="isAnswer">The peer caused it, in a frame that is being parsed.</param>
    public void WriteResetUnsynchronized(int streamId, Http2ErrorCode code, bool isAnswer)
    {
        if (isAnswer)
        {
            CountAnswer();
        }

        Written(FrameWriter.WriteReset(Sink, streamId, code));
    }

    public void WriteGoAwayUnsynchronized(int lastStreamId, Http2ErrorCode code, string debugText) =>
        Written(FrameWriter.WriteGoAway(Sink, lastStreamId, code, debugText));

    /// <summary>HEADERS of a head. They go before any DATA of the stream, at the latest with the end of the turn.</summary>
    public void WriteHeadersUnsynchronized(Http2Stream stream, HeaderList headers, bool endStream)
    {
        Debug.Assert(_connection.Gate.IsHeldByCurrentThread, "the connection's lock guards the output");
        if (_stopped)
        {
            return;
        }

        _block.ResetWrittenCount();
        _encoder.Encode(headers, _block);
        Written(FrameWriter.WriteHeaderBlock(Sink, stream.Id, _block.WrittenSpan, endStream, _peer.MaxFrameBytes));
        if (endStream)
        {
            stream.OnOutputEndUnsynchronized();
        }
    }

    /// <summary>The stream has committed data or its end: it takes its turns from now on.</summary>
    public void SendUnsynchronized(Http2Stream stream)
    {
        if (_stopped)
        {
            return;
        }

        if (stream.OutputPipe.PendingUnsynchronized > 0)
        {
            if (stream.SendWindow.Available > 0)
            {
                _queue.Enqueue(stream);
                if (!_flushing)
                {
                    PumpUnsynchronized(takeExternal: false);
                }
            }
        }
        else if (stream.EndRequestedUnsynchronized && !stream.OutputEndedUnsynchronized && !stream.OutputPipe.IsExternalInFlight)
        {
            EndUnsynchronized(stream);
        }
    }

    public void RemoveUnsynchronized(Http2Stream stream) => _queue.Remove(stream);

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE.</summary>
    public void SetHeaderTableBytesUnsynchronized(uint bytes) => _encoder.SetPeerTableBytes(bytes);

    /// <summary>WINDOW_UPDATE of the connection; false on overflow.</summary>
    public bool TryGrowWindowUnsynchronized(int increment) => _window.TryShift(increment);

    /// <summary>Nothing more is sent, not even what waits.</summary>
    public void StopUnsynchronized()
    {
        _stopped = true;
        _waiting.ResetWrittenCount();
        while (!_queue.IsEmpty)
        {
            _queue.DequeueHead();
        }
    }

    /// <summary>Outside of the lock: sends what is due, unless a flush is under way, which then does it.</summary>
    public void Flush()
    {
        lock (_connection.Gate)
        {
            if (_flushing || !IsDueUnsynchronized)
            {
                return;
            }

            _flushing = true;
        }

        FlushWhileDue();
    }

    /// <summary>Completes when no flush is under way.</summary>
    public Task WaitForFlushAsync()
    {
        lock (_connection.Gate)
        {
            if (!_flushing)
            {
                return Task.CompletedTask;
            }

            _flushEnd ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _flushEnd.Task;
        }
    }

    private void FlushWhileDue()
    {
        while (true)
        {
            bool ended;
            lock (_connection.Gate)
            {
                ended = !TryPrepareUnsynchronized();
                _flushing = !ended;
                if (ended)
                {
                    _flushEnd?.TrySetResult();
                }
            }

            if (ended)
            {
                _connection.OnFlushEnded();
                return;
            }

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

    /// <summary>Fills the transport's buffer for one flush; false when there is nothing to send.</summary>
    private bool TryPrepareUnsynchronized()
    {
        if (_waiting.WrittenCount > 0)
        {
            _transport.Write(_waiting.WrittenSpan);
            _unflushed += _waiting.WrittenCount;
            _waiting.ResetWrittenCount();
        }

        _flushing = false; // the transport's writer is ours: what the pump writes goes there directly
        PumpUnsynchronized(takeExternal: true);
        return _unflushed > 0;
    }

    private void Finish(FlushResult result)
    {
        if (result.IsCompleted || result.IsCanceled)
        {
            throw new IOException("the transport does not take bytes any more");
        }

        lock (_connection.Gate)
        {
            _unflushed = 0;
            _waitingAnswers = 0;
            FinishExternalsUnsynchronized();
        }
    }

    private void Fail(Exception failure)
    {
        lock (_connection.Gate)
        {
            _flushing = false;
            _unflushed = 0;
            StopUnsynchronized();
            _flushEnd?.TrySetResult();
            FinishExternalsUnsynchronized();
        }

        _connection.OnWriteFailed(failure);
    }

    /// <summary>The transport is done with callers' memory: their writes may complete.</summary>
    private void FinishExternalsUnsynchronized()
    {
        foreach (var stream in _externals)
        {
            stream.OutputPipe.ExternalSentUnsynchronized();
            if (stream.IsDisposedUnsynchronized)
            {
                stream.TryRecycleUnsynchronized();
            }
            else if (stream.EndRequestedUnsynchronized)
            {
                SendUnsynchronized(stream);
            }
        }

        _externals.Clear();
    }

    /// <summary>
    /// Takes DATA of the queued streams, a frame of each in turn, as the windows and the buffer's bound allow. Memory of a caller is taken only when the flush follows at
    /// once: until then it could still be given back.
    /// </summary>
    private void PumpUnsynchronized(bool takeExternal)
    {
        while (_queue.Head is { } stream && _unflushed < MaxBufferedBytes)
        {
            var output = stream.OutputPipe;
            var sendable = Math.Min(Math.Min(stream.SendWindow.Available, _window.Available), (int)Math.Min(output.PendingUnsynchronized, _peer.MaxFrameBytes));
            if (sendable <= 0)
            {
                if (stream.SendWindow.Available > 0 && output.PendingUnsynchronized > 0)
                {
                    return; // the connection's window is used up: all wait for it, in this order
                }

                _queue.DequeueHead();
            }
            else if (_gather is null || !output.IsNextExternalUnsynchronized || sendable < MinExternalBytes)
            {
                WriteData(stream, _gather is null ? sendable : output.BeforeExternalUnsynchronized(sendable));
            }
            else if (takeExternal)
            {
                WriteExternal(stream, sendable);
            }
            else
            {
                return;
            }
        }
    }

    private void WriteData(Http2Stream stream, int bytes)
    {
        var output = stream.OutputPipe;
        var last = bytes == output.PendingUnsynchronized;
        var ends = last && stream.EndRequestedUnsynchronized && stream.TrailersToSendUnsynchronized is null;
        var span = _transport.GetSpan(FrameHeader.Size + Math.Min(bytes, MaxSmallBytes));
        new FrameHeader(bytes, FrameType.Data, ends ? FrameFlags.EndStream : FrameFlags.None, stream.Id).Write(span);
        var length = Math.Min(bytes, span.Length - FrameHeader.Size);
        output.TakeUnsynchronized(span.Slice(FrameHeader.Size, length));
        _transport.Advance(FrameHeader.Size + length);
        for (var left = bytes - length; left > 0; left -= length)
        {
            // Block by block, as large as the transport has them.
            span = _transport.GetSpan();
            length = Math.Min(left, span.Length);
            output.TakeUnsynchronized(span[..length]);
            _transport.Advance(length);
        }

        _unflushed += FrameHeader.Size + bytes;
        Spend(stream, bytes);
        if (!last)
        {
            _queue.RotateHead();
            return;
        }

        _queue.DequeueHead();
        output.WakeUnsynchronized();
        if (ends)
        {
            stream.OnOutputEndUnsynchronized();
        }
        else if (stream.EndRequestedUnsynchronized)
        {
            EndUnsynchronized(stream);
        }
    }

    private void WriteExternal(Http2Stream stream, int bytes)
    {
        new FrameHeader(bytes, FrameType.Data, FrameFlags.None, stream.Id).Write(_transport.GetSpan(FrameHeader.Size));
        _transport.Advance(FrameHeader.Size);
        if (!stream.OutputPipe.IsExternalInFlight)
        {
            _externals.Add(stream);
        }

        _gather!.Append(stream.OutputPipe.TakeExternalUnsynchronized(bytes));
        _unflushed += FrameHeader.Size + bytes;
        Spend(stream, bytes);
        if (stream.OutputPipe.PendingUnsynchronized > 0)
        {
            _queue.RotateHead();
        }
        else
        {
            _queue.DequeueHead();
        }
    }

    private void Spend(Http2Stream stream, int bytes)
    {
        var taken = stream.SendWindow.TryTake(bytes) && _window.TryTake(bytes);
        Debug.Assert(taken, "no more is sent than the windows allow");
    }

    /// <summary>All DATA was taken: the trailers, or an empty DATA with END_STREAM.</summary>
    private void EndUnsynchronized(Http2Stream stream)
    {
        if (stream.TrailersToSendUnsynchronized is { } trailers)
        {
            stream.OnTrailersSentUnsynchronized();
            WriteHeadersUnsynchronized(stream, trailers, endStream: true);
            return;
        }

        var sink = Sink;
        new FrameHeader(0, FrameType.Data, FrameFlags.EndStream, stream.Id).Write(sink.GetSpan(FrameHeader.Size));
        sink.Advance(FrameHeader.Size);
        Written(FrameHeader.Size);
        stream.OnOutputEndUnsynchronized();
    }

    private void CountAnswer()
    {
        if (_flushing && ++_waitingAnswers > MaxWaitingAnswers)
        {
            throw Http2Faults.Calm($"the peer asked for more than {MaxWaitingAnswers} answers without reading them");
        }
    }

    private void Written(int bytes)
    {
        if (_stopped)
        {
            _waiting.ResetWrittenCount();
        }
        else if (!_flushing)
        {
            _unflushed += bytes;
        }
    }
}
