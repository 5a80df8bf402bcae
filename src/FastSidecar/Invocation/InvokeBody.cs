using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace FastSidecar.Invocation;

/// <summary>What the units of a body are.</summary>
internal enum BodyKind
{
    /// <summary>A stream of bytes (HTTP).</summary>
    Bytes,

    /// <summary>Opaque gRPC messages, each with its five-byte prefix (gRPC proxying).</summary>
    Messages,
}

/// <summary>
/// A request body as it is pulled through the sidecar: limited in size and, while it is short, kept so that another attempt can send it again.
/// One reader at a time. Reused by its owner: <see cref="Start"/> begins a request, <see cref="Finish"/> ends it.
/// </summary>
internal sealed class InvokeBody
{
    private PipeReader _source = null!;
    private ReadOnlySequence<byte> _current;
    private byte[]? _kept;
    private int _keptBytes;
    private int _keepAtMost;
    private long _limitBytes;
    private long _readBytes;
    private bool _replaying;
    private bool _sourceEnded;
    private bool _outstanding;
    private bool _unread;
    private bool _announcedTooLong;
    private volatile bool _reading;

    /// <summary>The length the client announced, or null for a body of unknown length.</summary>
    public long? Length { get; private set; }

    public BodyKind Kind { get; private set; }

    /// <summary>Everything read so far is kept, so an attempt can start over.</summary>
    public bool CanRepeat => _readBytes <= _keptBytes;

    /// <summary>Begins a request.</summary>
    /// <param name="source">Where the bytes come from; owned by the caller.</param>
    /// <param name="length">The announced length, if any.</param>
    /// <param name="kind">What the body is made of.</param>
    /// <param name="limitBytes">Most bytes the body may have; 0 for no limit.</param>
    /// <param name="keepAtMost">How many bytes are kept for a repeat; 0 when none is allowed.</param>
    public void Start(PipeReader source, long? length, BodyKind kind, long limitBytes, int keepAtMost)
    {
        _source = source;
        Length = length;
        Kind = kind;
        _limitBytes = limitBytes;
        _keepAtMost = keepAtMost;
        _readBytes = 0;
        _keptBytes = 0;
        _replaying = false;
        _outstanding = false;
        _unread = false;
        IsBroken = false;
        _announcedTooLong = limitBytes > 0 && length > limitBytes;
        _sourceEnded = length == 0;
    }

    /// <summary>The source failed: the client broke its body off, or sent a malformed one.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Bytes forwarded so far.</summary>
    public long ReadBytes => _readBytes;

    /// <summary>Ends the request: nothing of it is held on to.</summary>
    public void Finish()
    {
        _source = null!;
        _current = default;
        if (_kept is { } kept)
        {
            _kept = null;
            ArrayPool<byte>.Shared.Return(kept);
        }
    }

    /// <summary>Starts over for another attempt. Only when <see cref="CanRepeat"/>.</summary>
    public void Rewind()
    {
        Debug.Assert(CanRepeat, "a body is sent again of which not everything was kept");
        _replaying = _keptBytes > 0;
    }

    /// <summary>What is there now without waiting. Throws <see cref="InvokeBodyException"/> past the limit.</summary>
    public bool TryRead(out ReadResult result)
    {
        if (_replaying || (_sourceEnded && !_unread))
        {
            result = ReadKept();
            return true;
        }

        ThrowIfAnnouncedTooLong();
        try
        {
            if (!_source.TryRead(out result))
            {
                return false;
            }
        }
        catch (Exception)
        {
            IsBroken = true;
            throw;
        }

        result = Accept(result);
        return true;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        if (_replaying || (_sourceEnded && !_unread))
        {
            return ReadKept();
        }

        ThrowIfAnnouncedTooLong();
        _reading = true;
        try
        {
            return Accept(await _source.ReadAsync(cancellationToken));
        }
        catch (Exception e) when (e is not InvokeBodyException and not OperationCanceledException)
        {
            IsBroken = true;
            throw;
        }
        finally
        {
            _reading = false;
        }
    }

    /// <summary>Everything up to <paramref name="consumed"/> of the last read has been forwarded; what was kept is always consumed whole.</summary>
    public void AdvanceTo(SequencePosition consumed)
    {
        if (_replaying)
        {
            _replaying = false;
            return;
        }

        if (!_outstanding)
        {
            return;
        }

        var taken = _current.Slice(0, consumed);
        Keep(taken);
        _readBytes += taken.Length;
        _current = default;
        _outstanding = false;
        _source.AdvanceTo(consumed);
    }

    /// <summary>Leaves everything of the last read unread: the next read returns it again at once.</summary>
    public void GiveBack()
    {
        if (_outstanding)
        {
            _outstanding = false;
            _unread = true;
            _source.AdvanceTo(_current.Start);
            _current = default;
        }
    }

    /// <summary>A pending read returns with IsCanceled. Without one nothing happens: the server's own draining of the body must not be hit.</summary>
    public void CancelPendingRead()
    {
        if (_reading)
        {
            _source.CancelPendingRead();
        }
    }

    /// <summary>The length alone says so: nothing is forwarded that would have to be broken off.</summary>
    private void ThrowIfAnnouncedTooLong()
    {
        if (_announcedTooLong)
        {
            throw new InvokeBodyException(ErrorTable.BodyTooLarge);
        }
    }

    private ReadResult ReadKept()
    {
        var kept = _replaying ? new ReadOnlySequence<byte>(_kept!, 0, _keptBytes) : ReadOnlySequence<byte>.Empty;
        return new ReadResult(kept, isCanceled: false, isCompleted: _sourceEnded);
    }

    private ReadResult Accept(ReadResult result)
    {
        _current = result.Buffer;
        _outstanding = true;
        _unread = false;
        if (_limitBytes > 0 && _readBytes + _current.Length > _limitBytes)
        {
            _source.AdvanceTo(_current.End);
            _current = default;
            _outstanding = false;
            throw new InvokeBodyException(ErrorTable.BodyTooLarge);
        }

        // The end may come with the last bytes; a repeat must then find it without asking the source again.
        _sourceEnded = result.IsCompleted;
        return result;
    }

    private void Keep(in ReadOnlySequence<byte> taken)
    {
        // One byte too many and nothing is kept any longer: CanRepeat compares what was read with what is kept.
        if (_readBytes > _keptBytes || _keptBytes + taken.Length > _keepAtMost)
        {
            return;
        }

        if (taken.IsEmpty)
        {
            return;
        }

        _kept ??= ArrayPool<byte>.Shared.Rent(_keepAtMost);
        taken.CopyTo(_kept.AsSpan(_keptBytes));
        _keptBytes += (int)taken.Length;
    }
}
