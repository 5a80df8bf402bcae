using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// The request body of an exchange. Data goes straight into the connection's output; for a chunked body room is left in front of it for the chunk's
/// length, which is filled in when the chunk is closed (by a flush, or when the block is full).
/// </summary>
internal sealed class RequestBodyWriter(PipeWriter output) : PipeWriter
{
    // Hexadecimal digits in front of a chunk, as many as its block may need. Leading zeros are part of the grammar (RFC 9112 §7.1: 1*HEXDIG), and
    // eight digits are the most that every server takes (Tomcat's limit).
    private const int FewDigits = 4;
    private const int ManyDigits = 8;
    private const int LineEndBytes = 2;
    private const int MaxSmallChunkBytes = 0xffff;

    // Below this one copy is cheaper than three more pieces of a gather write.
    private const int CopyLimitBytes = 4096;

    private readonly PipeWriter _output = output;
    private Http1BodyFraming _framing;
    private long _announced;
    private long _written;
    private Memory<byte> _chunk;
    private int _digits = FewDigits;
    private int _chunkUsed;
    private volatile bool _serverStopped;
    private volatile bool _closedHere;
    private volatile bool _sent;
    private long _sentBytes;

    public override bool CanGetUnflushedBytes => _output.CanGetUnflushedBytes;

    public override long UnflushedBytes => _output.UnflushedBytes + _chunkUsed;

    /// <summary>The server does not read any more, or nothing it could still say would matter.</summary>
    public bool ServerStopped => _serverStopped;

    /// <summary>Something of the request was handed to the socket.</summary>
    public bool Sent => _sent;

    /// <summary>So many bytes of earlier exchanges went out on the connection.</summary>
    public long SentBefore { get; private set; }

    public void Begin(Http1BodyFraming framing, long announced)
    {
        _framing = framing;
        _announced = framing == Http1BodyFraming.Length ? announced : 0;
        _written = 0;
    }

    /// <summary>For the next exchange on the connection.</summary>
    public void Reset()
    {
        Begin(Http1BodyFraming.None, 0);
        _chunk = default;
        _chunkUsed = 0;
        _sent = false;
        SentBefore = _sentBytes;
    }

    /// <summary>Tells the writing flow to stop at its next flush.</summary>
    public void StopServer() => _serverStopped = true;

    /// <summary>The exchange was given up: flushes fail from here on.</summary>
    public void Close() => _closedHere = true;

    public override Memory<byte> GetMemory(int sizeHint = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        return _framing == Http1BodyFraming.Chunked ? ChunkRoom(sizeHint) : _output.GetMemory(sizeHint);
    }

    public override Span<byte> GetSpan(int sizeHint = 0) =>
        _framing == Http1BodyFraming.Chunked ? GetMemory(sizeHint).Span : _output.GetSpan(sizeHint);

    public override void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        Count(bytes);
        if (_framing == Http1BodyFraming.Chunked)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, RoomInChunk());
            _chunkUsed += bytes;
        }
        else
        {
            _output.Advance(bytes);
        }
    }

    public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default)
    {
        if (_serverStopped)
        {
            return ValueTask.FromResult(new FlushResult(isCanceled: false, isCompleted: true));
        }

        if (source.Length > CopyLimitBytes && _output is IGatherWriter gather)
        {
            Count(source.Length);
            if (_framing == Http1BodyFraming.Chunked)
            {
                CloseChunk();
                WriteLength(source.Length);
                gather.Append(source);
                _output.Write("\r\n"u8);
            }
            else
            {
                gather.Append(source);
            }
        }
        else
        {
            this.Write(source.Span);
        }

        return FlushAsync(cancellationToken);
    }

    public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
    {
        CloseChunk();
        return SendAsync(cancellationToken);
    }

    /// <summary>Writes the end of the body; false when bytes of an announced length are missing.</summary>
    public void End()
    {
        if (_framing == Http1BodyFraming.Chunked)
        {
            CloseChunk();
            _output.Write("0\r\n\r\n"u8);
        }
        else if (_written != _announced)
        {
            throw new InvalidOperationException($"http: ContentLength={_announced} with Body length {_written}");
        }
    }

    /// <summary>Not offered: what was handed to the socket cannot be taken back. Dispose the exchange.</summary>
    public override void CancelPendingFlush() => _output.CancelPendingFlush();

    /// <summary>Does nothing: <see cref="Http1Exchange.EndRequestAsync"/> ends a body, disposing the exchange gives it up.</summary>
    public override void Complete(Exception? exception = null)
    {
    }

    private ValueTask<FlushResult> SendAsync(CancellationToken cancellationToken)
    {
        if (_serverStopped)
        {
            return ValueTask.FromResult(new FlushResult(isCanceled: false, isCompleted: true));
        }

        _sent = true;
        _sentBytes += _output.CanGetUnflushedBytes ? _output.UnflushedBytes : 0;
        ValueTask<FlushResult> flush;
        try
        {
            flush = _output.FlushAsync(cancellationToken);
        }
        catch (IOException) when (!_closedHere)
        {
            return ValueTask.FromResult(Stopped());
        }

        return flush.IsCompletedSuccessfully ? flush : SendAwaitedAsync(flush);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<FlushResult> SendAwaitedAsync(ValueTask<FlushResult> flush)
    {
        try
        {
            return await flush;
        }
        catch (IOException) when (!_closedHere)
        {
            return Stopped();
        }
    }

    /// <summary>The server closed or reset. Its answer may have come before: reading the head tells.</summary>
    private FlushResult Stopped()
    {
        _serverStopped = true;
        return new FlushResult(isCanceled: false, isCompleted: true);
    }

    private void Count(int bytes)
    {
        _written += bytes;
        if (_framing != Http1BodyFraming.Chunked && _written > _announced)
        {
            throw new InvalidOperationException($"http: ContentLength={_announced} with Body length {_written}");
        }
    }

    private Memory<byte> ChunkRoom(int sizeHint)
    {
        if (_chunkUsed > 0 && RoomInChunk() < Math.Max(sizeHint, 1))
        {
            CloseChunk();
        }

        if (_chunkUsed == 0)
        {
            _digits = sizeHint > MaxSmallChunkBytes ? ManyDigits : FewDigits;
            _chunk = _output.GetMemory(Math.Max(sizeHint, 1) + _digits + (2 * LineEndBytes));
        }

        return _chunk.Slice(_digits + LineEndBytes + _chunkUsed, RoomInChunk());
    }

    private int RoomInChunk()
    {
        var room = _chunk.Length - _digits - (2 * LineEndBytes);
        return (_digits == FewDigits ? Math.Min(room, MaxSmallChunkBytes) : room) - _chunkUsed;
    }

    private void CloseChunk()
    {
        if (_chunkUsed == 0)
        {
            return;
        }

        var span = _chunk.Span;
        for (var i = 0; i < _digits; i++)
        {
            span[i] = "0123456789abcdef"u8[(_chunkUsed >> (4 * (_digits - 1 - i))) & 0xf];
        }

        "\r\n"u8.CopyTo(span[_digits..]);
        "\r\n"u8.CopyTo(span[(_digits + LineEndBytes + _chunkUsed)..]);
        _output.Advance(_digits + LineEndBytes + _chunkUsed + LineEndBytes);
        _chunkUsed = 0;
        _chunk = default;
    }

    private void WriteLength(int length)
    {
        var span = _output.GetSpan(10);
        System.Buffers.Text.Utf8Formatter.TryFormat(length, span, out var digits, new StandardFormat('x'));
        span[digits] = (byte)'\r';
        span[digits + 1] = (byte)'\n';
        _output.Advance(digits + 2);
    }
}
