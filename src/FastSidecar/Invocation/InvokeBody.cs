using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;

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
/// A request body as it is pulled through the sidecar: limited in size and, while it is short, kept so that another attempt can send it
/// again.
/// One reader at a time. Reused by its owner: <see cref="Start"/> begins a request, <see cref="Finish"/> ends it.
/// </summary>
internal sealed class InvokeBody
{
    /// <summary>
    /// A buffer of this size stays here from one request to the next, which costs less than to give it back and rent it again; so much a
    /// connection without a request holds.
    /// </summary>
    private const int HeldBytes = 2048;

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

    /// <summary>A read that <see cref="IsEmptyAsync"/> began and did not wait for; the next read takes it over.</summary>
    private Task<ReadResult>? _early;
    private volatile bool _reading;
    private volatile bool _stopped;

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
        _stopped = false;
        IsBroken = false;
        _announcedTooLong = limitBytes > 0 && length > limitBytes;
        _sourceEnded = length == 0;
    }

    /// <summary>The source failed: the client broke its body off, or sent a malformed one.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Bytes forwarded so far.</summary>
    public long ReadBytes => _readBytes;

    /// <summary>A read is under way that nobody waits for; <see cref="StopAsync"/> ends it.</summary>
    public bool HasEarlyRead => _early is not null;

    /// <summary>
    /// Ends the request: nothing of it can be read any more, and what was not forwarded is left to the source's owner. May be called again.
    /// </summary>
    public void Finish()
    {
        Debug.Assert(_early is null, "a read is still under way");
        GiveBack();
        _source = null!;
        _current = default;
        _readBytes = 0;
        IsBroken = false;
        if (_kept is { Length: > HeldBytes })
        {
            ReturnKept();
        }
    }

    /// <summary>Starts over for another attempt. Only when <see cref="CanRepeat"/>, and when nobody reads any more.</summary>
    public void Rewind()
    {
        Debug.Assert(CanRepeat, "a body is sent again of which not everything was kept");

        // The attempt may have failed between a read and its AdvanceTo: those bytes were not kept and come from the source once more.
        GiveBack();
        _replaying = _keptBytes > 0;
        _stopped = false;
    }

    /// <summary>
    /// What is there now without waiting. IsCanceled after <see cref="Stop"/>. Throws <see cref="InvokeBodyException"/> past the limit.
    /// </summary>
    public bool TryRead(out ReadResult result)
    {
        if (_early is { } early)
        {
            result = default;
            if (!early.IsCompleted)
            {
                return false;
            }

            _early = null;
            result = early.GetAwaiter().GetResult();
            return true;
        }

        if (TryReadHeld(out result))
        {
            return true;
        }

        do
        {
            if (!TryReadSource(out result))
            {
                return false;
            }

            result = Accept(result);
        }
        while (IsStray(result));
        return true;
    }

    /// <summary>As <see cref="TryRead"/>, waiting for more where nothing is there.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        if (_early is { } early)
        {
            _early = null;
            return await early;
        }

        if (TryReadHeld(out var held))
        {
            return held;
        }

        // Either the loop sees that the body was stopped, or Stop sees that there is a read to cancel.
        _reading = true;
        Interlocked.MemoryBarrier();
        try
        {
            while (!_stopped)
            {
                var result = Accept(await _source.ReadAsync(cancellationToken));
                if (!IsStray(result))
                {
                    return result;
                }
            }

            return new ReadResult(default, isCanceled: true, isCompleted: false);
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

    /// <summary>
    /// Whether the body ends without a byte; false as well when <paramref name="patience"/> ends first. Nothing is consumed, and no read is
    /// cancelled for it: one that is still waiting becomes the next read.
    /// </summary>
    public async ValueTask<bool> IsEmptyAsync(TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!TryRead(out var result))
        {
            var early = ReadAsync(cancellationToken).AsTask();
            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(early, Task.Delay(patience, time, waiting.Token));
            await waiting.CancelAsync();
            if (!early.IsCompleted)
            {
                _early = early;
                return false;
            }

            result = await early;
        }

        GiveBack();
        return result is { IsCompleted: true, IsCanceled: false, Buffer.IsEmpty: true };
    }

    /// <summary>
    /// Everything up to <paramref name="consumed"/> of the last read has been forwarded; what was kept is always consumed whole.
    /// </summary>
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

    /// <summary>
    /// The pending read, or the next one, returns with IsCanceled, and so do all until <see cref="Rewind"/>. Another flow than the reading
    /// one may call it.
    /// Where no read is pending the source is not touched: the server's own draining of the body must not be hit.
    /// </summary>
    public void Stop()
    {
        _stopped = true;
        Interlocked.MemoryBarrier();
        if (_reading)
        {
            _source.CancelPendingRead();
        }
    }

    /// <summary>Stops, and takes back the read that nobody waited for. Only when nobody else reads.</summary>
    public async ValueTask StopAsync()
    {
        Stop();
        if (_early is not { } early)
        {
            return;
        }

        _early = null;
        try
        {
            await early;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // Whatever it brought, nobody wants it any more.
        }

        GiveBack();
    }

    /// <summary>What can be answered without the source: that the body was stopped, what was kept of it, its end.</summary>
    private bool TryReadHeld(out ReadResult result)
    {
        if (_stopped)
        {
            result = new ReadResult(default, isCanceled: true, isCompleted: false);
            return true;
        }

        if (_replaying || (_sourceEnded && !_unread))
        {
            result = ReadKept();
            return true;
        }

        ThrowIfAnnouncedTooLong();
        result = default;
        return false;
    }

    private bool TryReadSource(out ReadResult result)
    {
        try
        {
            return _source.TryRead(out result);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            IsBroken = true;
            throw;
        }
    }

    /// <summary>A cancellation that was meant for an earlier read and came too late for it: the read is done again.</summary>
    private bool IsStray(in ReadResult result)
    {
        if (!result.IsCanceled || _stopped)
        {
            return false;
        }

        GiveBack();
        return true;
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

        var bytes = _keptBytes + (int)taken.Length;
        if (_kept is null || _kept.Length < bytes)
        {
            GrowKept(bytes);
        }

        taken.CopyTo(_kept.AsSpan(_keptBytes));
        _keptBytes = bytes;
    }

    /// <summary>At once to the announced length; by doubling where there is none.</summary>
    private void GrowKept(int bytes)
    {
        var size = Math.Min(Math.Max(bytes, Length ?? (2 * _keptBytes)), _keepAtMost);
        var larger = ArrayPool<byte>.Shared.Rent((int)size);
        _kept.AsSpan(0, _keptBytes).CopyTo(larger);
        ReturnKept();
        _kept = larger;
    }

    private void ReturnKept()
    {
        if (_kept is { } kept)
        {
            _kept = null;
            ArrayPool<byte>.Shared.Return(kept);
        }
    }
}
