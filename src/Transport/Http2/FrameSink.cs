using System.Buffers;
using System.IO.Pipelines;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Where frames are written, under the connection's lock: straight into the transport's buffer, or, while a flush is under way and the
/// transport's writer belongs to the flushing thread, into a buffer that follows it.
/// </summary>
internal sealed class FrameSink
{
    /// <summary>A buffer that grew beyond this is not kept.</summary>
    private const int KeptBytes = 64 * 1024;

    /// <summary>
    /// Answers (to PING, SETTINGS, broken streams) that may wait while the peer does not read. A peer that asks for more is not in good
    /// faith.
    /// </summary>
    private const int MaxWaitingAnswers = 10_000;

    private readonly PipeWriter _transport;
    private ArrayBufferWriter<byte> _waiting = new();
    private int _waitingAnswers;
    private bool _isStopped;

    public FrameSink(PipeWriter transport)
    {
        _transport = transport;
    }

    /// <summary>A flush is under way.</summary>
    public bool IsFlushing { get; set; }

    /// <summary>Bytes in the transport's buffer that were not flushed.</summary>
    public int Unflushed { get; private set; }

    /// <summary>Frames wait for the end of a flush.</summary>
    public bool HasWaiting => _waiting.WrittenCount > 0;

    /// <summary>Where the next frame goes; <see cref="Wrote"/> must follow.</summary>
    public IBufferWriter<byte> Writer => IsFlushing || _isStopped ? _waiting : _transport;

    public void Wrote(int bytes)
    {
        if (_isStopped)
        {
            _waiting.ResetWrittenCount();
        }
        else if (!IsFlushing)
        {
            Unflushed += bytes;
        }
    }

    /// <summary>The frame that follows answers one of the peer's, which is being parsed.</summary>
    /// <exception cref="Http2ConnectionException">Too many wait already.</exception>
    public void CountAnswer()
    {
        if (IsFlushing && ++_waitingAnswers > MaxWaitingAnswers)
        {
            throw Http2Faults.Calm($"the peer asked for more than {MaxWaitingAnswers} answers without reading them");
        }
    }

    /// <summary>Between two flushes: what waited goes into the transport's buffer, before anything else.</summary>
    public void TakeWaiting()
    {
        if (!HasWaiting)
        {
            return;
        }

        _transport.Write(_waiting.WrittenSpan);
        Unflushed += _waiting.WrittenCount;
        DropWaiting();
    }

    /// <summary>A flush has ended, and took all that was in the transport's buffer.</summary>
    public void OnFlushed()
    {
        Unflushed = 0;
        _waitingAnswers = 0;
    }

    /// <summary>From here on what is written is dropped.</summary>
    public void Stop()
    {
        _isStopped = true;
        DropWaiting();
    }

    private void DropWaiting()
    {
        if (_waiting.Capacity > KeptBytes)
        {
            _waiting = new ArrayBufferWriter<byte>();
        }
        else
        {
            _waiting.ResetWrittenCount();
        }
    }
}
