using System.Buffers;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// Where in a chunked body the reader stands (RFC 9112 §7.1). A value, so that a position inside the body can be kept with its state.
/// Texts and strictness are those of Go's internal/chunked.go: no bare LF, no more than 16 hexadecimal digits.
/// </summary>
internal struct ChunkedState
{
    // Go's limits for a line with a chunk length and its extensions.
    private const int MaxLineBytes = 4096;

    // Framing that carries almost no data is an attack; each chunk of honest size earns its framing back (Go: 16 KiB of excess).
    private const long MaxExcessBytes = 16 * 1024;
    private const int FreeBytesPerChunk = 16;

    private enum Phase : byte
    {
        Length,
        Data,
        DataEnd,
        Trailer,
        Done,
    }

    private Phase _phase;
    private long _left;
    private long _excess;
    private int _trailerBytes;

    public readonly bool IsDone => _phase == Phase.Done;

    /// <summary>The state after <paramref name="count"/> bytes of the data that <see cref="Next"/> returned.</summary>
    public readonly ChunkedState Skip(long count)
    {
        var state = this;
        state._left -= count;
        return state;
    }

    /// <summary>
    /// Takes framing off the front until data is there, and hands out the data of one chunk without taking it: the caller slices and calls
    /// <see cref="Skip"/>. Empty when bytes are missing or the body is over.
    /// </summary>
    public ReadOnlySequence<byte> Next(ref ReadOnlySequence<byte> rest, int maxTrailerBytes)
    {
        while (true)
        {
            switch (_phase)
            {
                case Phase.Length:
                    if (!TryTakeLine(ref rest, out var line))
                    {
                        return default;
                    }

                    StartChunk(line);
                    break;
                case Phase.Data:
                    if (_left > 0)
                    {
                        return rest.Slice(0, Math.Min(_left, rest.Length));
                    }

                    _phase = Phase.DataEnd;
                    break;
                case Phase.DataEnd:
                    if (!TryTakeDataEnd(ref rest))
                    {
                        return default;
                    }

                    _phase = Phase.Length;
                    break;
                case Phase.Trailer:
                    if (!TryTakeTrailerLine(ref rest, maxTrailerBytes))
                    {
                        return default;
                    }

                    break;
                default:
                    return default;
            }
        }
    }

    private void StartChunk(ReadOnlySequence<byte> line)
    {
        scoped Span<byte> copy = line.IsSingleSegment ? default : line.Length <= 64 ? stackalloc byte[64] : new byte[line.Length];
        scoped ReadOnlySpan<byte> text = line.FirstSpan;
        if (!line.IsSingleSegment)
        {
            line.CopyTo(copy);
            text = copy[..(int)line.Length];
        }

        _excess += line.Length + 2;
        var extension = text.IndexOf((byte)';');
        var digits = (extension < 0 ? text : text[..extension]).TrimEnd(" \t"u8);
        if (digits.IsEmpty)
        {
            throw ResponseFaults.MalformedChunk("empty hex number for chunk length");
        }

        _left = 0;
        for (var i = 0; i < digits.Length; i++)
        {
            var digit = HexDigit(digits[i]);
            if (digit < 0)
            {
                throw ResponseFaults.MalformedChunk("invalid byte in chunk length");
            }

            if (i == 16 || _left >> 59 != 0)
            {
                throw ResponseFaults.MalformedChunk("http chunk length too large");
            }

            _left = (_left << 4) | (long)digit;
        }

        _excess = Math.Max(0, _excess - FreeBytesPerChunk - (2 * Math.Min(_left, MaxExcessBytes)));
        if (_excess > MaxExcessBytes)
        {
            throw ResponseFaults.MalformedChunk("chunked encoding contains too much non-data");
        }

        _phase = _left == 0 ? Phase.Trailer : Phase.Data;
    }

    private static bool TryTakeLine(ref ReadOnlySequence<byte> rest, out ReadOnlySequence<byte> line)
    {
        var end = rest.PositionOf((byte)'\n');
        if (end is null)
        {
            line = default;
            return rest.Length > MaxLineBytes ? throw ResponseFaults.MalformedChunk("header line too long") : false;
        }

        line = rest.Slice(0, end.Value);
        rest = rest.Slice(rest.GetPosition(1, end.Value));
        if (line.PositionOf((byte)'\r') is not { } carriageReturn)
        {
            throw ResponseFaults.MalformedChunk("chunked line ends with bare LF");
        }

        if (line.Slice(carriageReturn).Length != 1)
        {
            throw ResponseFaults.MalformedChunk("invalid CR in chunked line");
        }

        line = line.Slice(0, carriageReturn);
        return line.Length < MaxLineBytes ? true : throw ResponseFaults.MalformedChunk("header line too long");
    }

    private static bool TryTakeDataEnd(ref ReadOnlySequence<byte> rest)
    {
        var reader = new SequenceReader<byte>(rest);
        if (!reader.TryRead(out var first))
        {
            return false;
        }

        if (first != '\r')
        {
            throw ResponseFaults.MalformedChunk("malformed chunked encoding");
        }

        if (!reader.TryRead(out var second))
        {
            return false;
        }

        if (second != '\n')
        {
            throw ResponseFaults.MalformedChunk("malformed chunked encoding");
        }

        rest = reader.UnreadSequence;
        return true;
    }

    /// <summary>Trailer fields are read over. A field must at least have a colon, and all of them are bounded like a head.</summary>
    private bool TryTakeTrailerLine(ref ReadOnlySequence<byte> rest, int maxTrailerBytes)
    {
        var end = rest.PositionOf((byte)'\n');
        if (end is null)
        {
            return _trailerBytes + rest.Length > maxTrailerBytes ? throw TrailerTooLong() : false;
        }

        var line = rest.Slice(0, end.Value);
        rest = rest.Slice(rest.GetPosition(1, end.Value));
        _trailerBytes += (int)Math.Min(line.Length + 1, int.MaxValue / 2);
        if (_trailerBytes > maxTrailerBytes)
        {
            throw TrailerTooLong();
        }

        if (line.IsEmpty || (line.Length == 1 && line.FirstSpan[0] == '\r'))
        {
            _phase = Phase.Done;
        }
        else if (line.PositionOf((byte)':') is null)
        {
            throw ResponseFaults.MalformedChunk("malformed MIME header: missing colon: " + GoText.Quote(line.ToArray().AsSpan().TrimEnd((byte)'\r')));
        }

        return true;
    }

    private static Http1ResponseException TrailerTooLong() => ResponseFaults.MalformedChunk("http: suspiciously long trailer after chunked body");

    private static int HexDigit(byte b) => b switch
    {
        >= (byte)'0' and <= (byte)'9' => b - '0',
        >= (byte)'a' and <= (byte)'f' => b - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => b - 'A' + 10,
        _ => -1,
    };
}
