using System.Buffers.Text;

namespace FastSidecar.Load;

/// <summary>
/// Reads HTTP/1.1 responses from bytes as they come (RFC 9112 §2 to §7.1) and keeps status, length and hash. One response at a time:
/// bytes behind a complete one are a fault of the server, because nothing was asked for yet.
/// </summary>
internal sealed class Http1Reader
{
    /// <summary>A head of a test's response is a few hundred bytes.</summary>
    private const int HeadLimit = 16 * 1024;

    private readonly byte[] _head = new byte[HeadLimit];
    private State _state;
    private int _headLength;
    private long _remaining;
    private int _status;
    private long _length;
    private uint _hash;

    private enum State
    {
        Head,
        Body,
        ChunkSize,
        ChunkBody,
        ChunkEnd,
        Trailers,
        Complete,
    }

    public bool IsComplete => _state == State.Complete;

    /// <summary>Whether the server closes the connection after this response.</summary>
    public bool Closes { get; private set; }

    public Answer Answer => new(_status, _length, _hash);

    public void Reset()
    {
        _state = State.Head;
        _headLength = 0;
        _length = 0;
        _hash = 0;
        Closes = false;
    }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = _state switch
            {
                State.Head => ReadHead(bytes),
                State.Body or State.ChunkBody => ReadBody(bytes),
                State.ChunkSize or State.ChunkEnd or State.Trailers => ReadLine(bytes),
                _ => throw new LoadException($"{bytes.Length} bytes came behind a complete response"),
            };
        }
    }

    private ReadOnlySpan<byte> ReadHead(ReadOnlySpan<byte> bytes)
    {
        if (_headLength == 0 && bytes.IndexOf("\r\n\r\n"u8) is var whole and >= 0)
        {
            ParseHead(bytes[..(whole + 2)]);
            return bytes[(whole + 4)..];
        }

        // In pieces: collected, and looked at again with every piece.
        var before = _headLength;
        var taken = Math.Min(bytes.Length, HeadLimit - before);
        bytes[..taken].CopyTo(_head.AsSpan(before));
        _headLength += taken;
        var end = _head.AsSpan(0, _headLength).IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return _headLength < HeadLimit ? bytes[taken..] : throw new LoadException($"a response head is longer than {HeadLimit} bytes");
        }

        _headLength = 0;
        ParseHead(_head.AsSpan(0, end + 2));
        return bytes[(end + 4 - before)..];
    }

    /// <param name="head">Lines, each with its end.</param>
    private void ParseHead(ReadOnlySpan<byte> head)
    {
        if (head.Length < 14 || !head.StartsWith("HTTP/1."u8) || !Utf8Parser.TryParse(head.Slice(9, 3), out _status, out var digits)
            || digits != 3)
        {
            throw new LoadException("no HTTP/1 response");
        }

        var length = -1L;
        var chunked = false;
        for (var lines = head[(head.IndexOf((byte)'\n') + 1)..]; lines.Length > 0;)
        {
            var end = lines.IndexOf((byte)'\n');
            var line = lines[..(end - 1)];
            lines = lines[(end + 1)..];
            if (Value(line, "content-length"u8) is { IsEmpty: false } number)
            {
                length = Utf8Parser.TryParse(number, out long value, out var used) && used == number.Length && value >= 0
                    ? value
                    : throw new LoadException("a Content-Length is no number");
            }
            else if (Value(line, "transfer-encoding"u8) is { IsEmpty: false } coding)
            {
                chunked = System.Text.Ascii.EqualsIgnoreCase(coding, "chunked"u8);
            }
            else if (Value(line, "connection"u8) is { IsEmpty: false } connection)
            {
                Closes = System.Text.Ascii.EqualsIgnoreCase(connection, "close"u8);
            }
        }

        if (_status < 200)
        {
            return;
        }

        var empty = _status is 204 or 304;
        _remaining = empty ? 0 : length;
        _state = chunked && !empty ? State.ChunkSize : _remaining == 0 ? State.Complete : State.Body;
        if (_remaining < 0 && !chunked)
        {
            throw new LoadException("a response has no length, so that it cannot be told from one that was cut");
        }
    }

    /// <summary>What stands behind the name of a field; empty when it is another field.</summary>
    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.Length > name.Length && line[name.Length] == ':' && System.Text.Ascii.EqualsIgnoreCase(line[..name.Length], name)
            ? line[(name.Length + 1)..].Trim(" \t"u8)
            : default;

    private ReadOnlySpan<byte> ReadBody(ReadOnlySpan<byte> bytes)
    {
        var piece = bytes[..(int)Math.Min(bytes.Length, _remaining)];
        _hash = Body.Hash(_hash, piece);
        _length += piece.Length;
        _remaining -= piece.Length;
        if (_remaining == 0)
        {
            _state = _state == State.Body ? State.Complete : State.ChunkEnd;
        }

        return bytes[piece.Length..];
    }

    private ReadOnlySpan<byte> ReadLine(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)'\n');
        var piece = end < 0 ? bytes : bytes[..(end + 1)];
        if (_headLength + piece.Length > HeadLimit)
        {
            throw new LoadException("a line between chunks is too long");
        }

        piece.CopyTo(_head.AsSpan(_headLength));
        _headLength += piece.Length;
        if (end >= 0)
        {
            var line = _head.AsSpan(0, _headLength).TrimEnd("\r\n"u8);
            _headLength = 0;
            AfterLine(line);
        }

        return bytes[piece.Length..];
    }

    private void AfterLine(ReadOnlySpan<byte> line)
    {
        switch (_state)
        {
            case State.ChunkSize:
                var size = line.IndexOf((byte)';') is var extension and >= 0 ? line[..extension] : line;
                if (!Utf8Parser.TryParse(size, out _remaining, out var used, 'x') || used != size.Length || _remaining < 0)
                {
                    throw new LoadException("a chunk has no size");
                }

                _state = _remaining == 0 ? State.Trailers : State.ChunkBody;
                break;
            case State.ChunkEnd when line.IsEmpty:
                _state = State.ChunkSize;
                break;
            case State.Trailers:
                _state = line.IsEmpty ? State.Complete : State.Trailers;
                break;
            default:
                throw new LoadException("a chunk is longer than its size");
        }
    }
}
