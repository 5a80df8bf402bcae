using System.Diagnostics;
using System.IO.Pipelines;
using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Frames;
using FastSidecar.Transport.Sockets;
using SendQueue = FastSidecar.Transport.Http2.Streams.SendQueue;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Cuts the bytes of streams into DATA frames, as the peer's windows and frame size allow, a frame of each stream in turn (RFC 9113 §6.1,
/// §6.9). Under the connection's lock.
/// </summary>
internal sealed class DataOutput
{
    /// <summary>
    /// Memory of a caller this large is given to a gathering transport as it is. A frame of 16 KiB costs a microsecond to copy; below half
    /// of that the copy is cheaper than one more piece of the gather write, and few pieces fit into one system call.
    /// </summary>
    public const int MinExternalBytes = 8 * 1024;

    /// <summary>DATA goes into the transport's buffer up to this much between two flushes. Beyond it producers wait.</summary>
    private const int MaxBufferedBytes = 64 * 1024;

    /// <summary>A frame of at most this much is not split over two of the transport's blocks.</summary>
    private const int MaxSmallBytes = 512;

    private readonly ConnectionOutput _output;
    private readonly PipeWriter _transport;
    private readonly IGatherWriter? _gather;
    private readonly FrameSink _sink;
    private readonly PeerSettings _peer;
    private readonly SendQueue _queue = new();
    private readonly List<Http2Stream> _externals = []; // streams whose callers' memory the flush under way reads
    private Window _window = new(Window.InitialBytes);

    public DataOutput(ConnectionOutput output, PipeWriter transport, FrameSink sink, PeerSettings peer)
    {
        _output = output;
        _transport = transport;
        _gather = transport as IGatherWriter;
        _sink = sink;
        _peer = peer;
    }

    /// <summary>DATA could be sent.</summary>
    public bool IsDue => !_queue.IsEmpty && _window.Available > 0;

    public bool TryGrowWindow(int increment) => _window.TryShift(increment);

    /// <summary>Puts the stream into the queue, or ends it when all its DATA has been taken.</summary>
    public void Send(Http2Stream stream)
    {
        if (stream.OutputPipe.PendingUnsynchronized > 0)
        {
            if (stream.SendWindow.Available > 0)
            {
                _queue.Enqueue(stream);
                Pump(isFlushNext: false);
            }
        }
        else if (stream.EndRequestedUnsynchronized && !stream.OutputEndedUnsynchronized && !stream.OutputPipe.IsExternalInFlight)
        {
            End(stream);
        }
    }

    public void Remove(Http2Stream stream) => _queue.Remove(stream);

    public void Stop()
    {
        while (!_queue.IsEmpty)
        {
            _queue.DequeueHead();
        }
    }

    /// <summary>
    /// Fills the transport's buffer, unless a flush is under way. Memory of a caller is taken only when the flush follows at once: until
    /// then it could still be given back.
    /// </summary>
    public void Pump(bool isFlushNext)
    {
        while (!_sink.IsFlushing && _queue.Head is { } stream && _sink.Unflushed < MaxBufferedBytes)
        {
            var output = stream.OutputPipe;
            var window = Math.Min(stream.SendWindow.Available, _window.Available);
            var sendable = Math.Min(window, (int)Math.Min(output.PendingUnsynchronized, _peer.MaxFrameBytes));
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
                WriteCopied(stream, _gather is null ? sendable : output.BeforeExternalUnsynchronized(sendable));
            }
            else if (isFlushNext)
            {
                WriteExternal(stream, sendable);
            }
            else
            {
                return;
            }
        }
    }

    /// <summary>The transport is done with callers' memory: their writes may complete.</summary>
    public void OnFlushed()
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
                _output.SendUnsynchronized(stream);
            }
        }

        _externals.Clear();
    }

    private void WriteCopied(Http2Stream stream, int bytes)
    {
        var output = stream.OutputPipe;
        var isLast = bytes == output.PendingUnsynchronized;
        var ends = isLast && stream.EndRequestedUnsynchronized && stream.TrailersToSendUnsynchronized is null;
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

        Spend(stream, bytes);
        if (!isLast)
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
            End(stream);
        }
    }

    private void WriteExternal(Http2Stream stream, int bytes)
    {
        var output = stream.OutputPipe;
        new FrameHeader(bytes, FrameType.Data, FrameFlags.None, stream.Id).Write(_transport.GetSpan(FrameHeader.Size));
        _transport.Advance(FrameHeader.Size);
        if (!output.IsExternalInFlight)
        {
            _externals.Add(stream);
        }

        _gather!.Append(output.TakeExternalUnsynchronized(bytes));
        Spend(stream, bytes);
        if (output.PendingUnsynchronized > 0)
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
        _sink.Wrote(FrameHeader.Size + bytes);
    }

    /// <summary>All DATA was taken: the trailers, or an empty DATA with END_STREAM.</summary>
    private void End(Http2Stream stream)
    {
        if (stream.TrailersToSendUnsynchronized is { } trailers)
        {
            stream.OnTrailersSentUnsynchronized();
            _output.WriteTrailersUnsynchronized(stream, trailers);
            return;
        }

        var writer = _sink.Writer;
        new FrameHeader(0, FrameType.Data, FrameFlags.EndStream, stream.Id).Write(writer.GetSpan(FrameHeader.Size));
        writer.Advance(FrameHeader.Size);
        _sink.Wrote(FrameHeader.Size);
        stream.OnOutputEndUnsynchronized();
    }
}
