using System.Buffers.Text;
using System.Text;

namespace FastSidecar.Commands.Bench;

/// <summary>
/// Reads HTTP/1.1 answers from bytes as they come (RFC 9112), one at a time, and compares each with the one that has to come:
/// status 200 and every byte of the body. Whatever differs is a <see cref="BenchException"/>.
/// </summary>
internal sealed class AnswerReader(ReadOnlyMemory<byte> expected)
{
    /// <summary>The longest line of a head or between chunks; these answers have short ones.</summary>
    private const int MaxLineBytes = 4096;

    private const long NoLength = -1;

    private readonly byte[] _line = new byte[MaxLineBytes];
    private int _lineBytes;
    private Part _part;
    private bool _chunked;
    private long _left;
    private int _bodyBytes;

    private enum Part
    {
        StatusLine,
        Field,
        Body,
        ChunkLength,
        Chunk,
        ChunkEnd,
        Trailer,
        Done,
    }

    public bool IsDone => _part == Part.Done;

    /// <summary>For the next answer on the connection.</summary>
    public void Reset()
    {
        _part = Part.StatusLine;
        _chunked = false;
        _left = NoLength;
        _bodyBytes = 0;
    }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var taken = _part switch
            {
                Part.Body or Part.Chunk => ReadBody(bytes),
                Part.Done => throw new BenchException($"{bytes.Length} bytes came behind a complete answer"),
                _ => ReadLine(bytes),
            };
            bytes = bytes[taken..];
        }
    }

    private int ReadBody(ReadOnlySpan<byte> bytes)
    {
        var piece = bytes[..(int)Math.Min(bytes.Length, _left)];
        if (piece.Length > expected.Length - _bodyBytes)
        {
            throw new BenchException($"an answer has more than the {expected.Length} bytes it must have");
        }

        if (!piece.SequenceEqual(expected.Span.Slice(_bodyBytes, piece.Length)))
        {
            throw new BenchException($"an answer has wrong bytes among its bytes {_bodyBytes} to {_bodyBytes + piece.Length}");
        }

        _bodyBytes += piece.Length;
        _left -= piece.Length;
        if (_left == 0 && _part == Part.Chunk)
        {
            _part = Part.ChunkEnd;
        }
        else if (_left == 0)
        {
            Finish();
        }

        return piece.Length;
    }

    private int ReadLine(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)'\n');
        var piece = end < 0 ? bytes : bytes[..end];
        if (piece.Length > MaxLineBytes - _lineBytes)
        {
            throw new BenchException($"a line of an answer's head or framing is longer than {MaxLineBytes} bytes");
        }

        piece.CopyTo(_line.AsSpan(_lineBytes));
        _lineBytes += piece.Length;
        if (end < 0)
        {
            return piece.Length;
        }

        var line = _line.AsSpan(0, _lineBytes).TrimEnd((byte)'\r');
        _lineBytes = 0;
        TakeLine(line);
        return piece.Length + 1;
    }

    private void TakeLine(ReadOnlySpan<byte> line)
    {
        switch (_part)
        {
            case Part.StatusLine when line.StartsWith("HTTP/1.1 200"u8):
                _part = Part.Field;
                break;
            case Part.StatusLine:
                throw new BenchException($"an answer began with \"{Encoding.ASCII.GetString(line)}\"");
            case Part.Field when line.IsEmpty:
                EndHead();
                break;
            case Part.Field:
                TakeField(line);
                break;
            case Part.ChunkLength when Utf8Parser.TryParse(line, out _left, out var digits, 'x') && digits == line.Length && _left >= 0:
                _part = _left == 0 ? Part.Trailer : Part.Chunk;
                break;
            case Part.ChunkEnd when line.IsEmpty:
                _part = Part.ChunkLength;
                break;
            case Part.Trailer when line.IsEmpty:
                Finish();
                break;
            case Part.Trailer:
                break;
            default:
                throw new BenchException("the chunks of an answer are broken");
        }
    }

    private void TakeField(ReadOnlySpan<byte> line)
    {
        if (Value(line, "content-length:"u8) is { IsEmpty: false } length)
        {
            _left = Utf8Parser.TryParse(length, out long number, out var digits) && digits == length.Length && number >= 0
                ? number
                : throw new BenchException("the Content-Length of an answer is no number");
        }
        else if (Value(line, "transfer-encoding:"u8) is { IsEmpty: false } coding)
        {
            _chunked = Ascii.EqualsIgnoreCase(coding, "chunked"u8)
                ? true
                : throw new BenchException($"an answer has the transfer coding \"{Encoding.ASCII.GetString(coding)}\"");
        }
    }

    /// <summary>What stands behind a field's name; empty when it is another field.</summary>
    private static ReadOnlySpan<byte> Value(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name) =>
        line.Length > name.Length && Ascii.EqualsIgnoreCase(line[..name.Length], name) ? line[name.Length..].Trim(" \t"u8) : default;

    private void EndHead()
    {
        if (_chunked)
        {
            _part = Part.ChunkLength;
        }
        else if (_left == 0)
        {
            Finish();
        }
        else
        {
            _part = _left > 0
                ? Part.Body
                : throw new BenchException("an answer has no length, so that it cannot be told from one that was cut");
        }
    }

    private void Finish()
    {
        _part = _bodyBytes == expected.Length
            ? Part.Done
            : throw new BenchException($"an answer has {_bodyBytes} bytes in place of {expected.Length}");
    }
}
