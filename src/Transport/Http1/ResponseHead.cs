using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// Reads status line and header fields line by line, so that a broken line is known as soon as it has come. Accepts and refuses what Go's
/// net/http.ReadResponse and net/textproto do (bare LF, folded lines, spaces in names); refused on top of that: NUL and CR in a status
/// line.
/// </summary>
internal sealed class ResponseHead(int maxBytes)
{
    private static readonly SearchValues<byte> NameBytes =
        SearchValues.Create("!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~"u8);

    // What no field value may hold: control characters but the tab.
    private static readonly SearchValues<byte> ControlBytes = SearchValues.Create(
        0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127);

    /// <summary>"HTTP/1.1 200"; a blank and the reason follow.</summary>
    private const int PlainStatusBytes = 12;

    private byte[]? _joined;
    private long _bytes;
    private bool _statusRead;
    private bool _firstField = true;
    private FramingFields _framing = new();

    public HeaderList Headers { get; } = new();

    /// <summary>Where those of <see cref="Headers"/> stand that say where the body ends.</summary>
    public ref readonly FramingFields Framing => ref _framing;

    /// <summary>100–999.</summary>
    public int Status { get; private set; }

    /// <summary>11 for HTTP/1.1.</summary>
    public int Version { get; private set; }

    /// <summary>A byte of a response was seen.</summary>
    public bool Began { get; private set; }

    /// <summary>The connection ended inside a line.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Before the first head of an exchange.</summary>
    public void Reset()
    {
        IsCut = false;
        _bytes = 0;
        Began = false;
        Next();
    }

    /// <summary>Before the head that follows an interim one: the limit covers all heads together, as Go's does.</summary>
    public void Next()
    {
        _statusRead = false;
        _firstField = true;
        Status = 0;
        Headers.Clear();
        _framing = new FramingFields();
    }

    /// <summary>Takes complete lines off the buffer; true when the blank line was one of them.</summary>
    /// <param name="buffer">What was received; sliced by what was taken.</param>
    /// <param name="ended">Nothing follows: a line without its end counts as one, as in Go's textproto.</param>
    public bool TryRead(ref ReadOnlySequence<byte> buffer, bool ended)
    {
        if (buffer.IsEmpty)
        {
            return false;
        }

        Began = true;
        var bytes = buffer.IsSingleSegment ? buffer.FirstSpan : Join(buffer);
        var at = 0;
        var done = false;
        while (!done)
        {
            ReadPlainFields(bytes, ref at);
            if (!TryTakeLine(bytes, ref at, ended, out var line, out var folded))
            {
                break;
            }

            CheckLimit(at);
            done = ReadLine(folded ? Unfold(line) : line);
        }

        _bytes += at;
        if (!done)
        {
            CheckLimit(bytes.Length - at);
        }

        buffer = buffer.Slice(at);
        return done;
    }

    private void CheckLimit(int bytes)
    {
        if (_bytes + bytes > maxBytes)
        {
            throw ResponseFaults.HeadTooLarge(maxBytes);
        }
    }

    /// <summary>
    /// Takes the fields that stand as nearly all do: a name, a colon, a value without control characters, CR LF, and behind it a line that
    /// is no fold. Stops before the first line that is anything else, be it right or wrong; <see cref="TryTakeLine"/> takes those.
    /// </summary>
    private void ReadPlainFields(ReadOnlySpan<byte> bytes, ref int at)
    {
        while (_statusRead)
        {
            var rest = bytes[at..];
            var colon = rest.IndexOfAnyExcept(NameBytes);
            if (colon <= 0 || rest[colon] != ':')
            {
                return;
            }

            var name = rest[..colon];
            rest = rest[(colon + 1)..];
            var end = IndexOfControl(rest);
            if (end + 2 >= rest.Length || rest[end] != '\r' || rest[end + 1] != '\n' || OptionalWhitespace.Contains(rest[end + 2]))
            {
                return;
            }

            at += colon + 1 + end + 2;
            CheckLimit(at);
            _firstField = false;
            Add(name, OptionalWhitespace.Trim(rest[..end]));
        }
    }

    /// <summary>The first byte that is a control character, the tab included; the length where there is none.</summary>
    private static int IndexOfControl(ReadOnlySpan<byte> bytes)
    {
        var greatest = Vector128.Create((byte)0x1f);
        var delete = Vector128.Create((byte)0x7f);
        var at = 0;
        for (; at <= bytes.Length - Vector128<byte>.Count; at += Vector128<byte>.Count)
        {
            var part = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(bytes), (nuint)at);
            var controls = Vector128.Equals(Vector128.Min(part, greatest), part) | Vector128.Equals(part, delete);
            if (controls != Vector128<byte>.Zero)
            {
                return at + BitOperations.TrailingZeroCount(controls.ExtractMostSignificantBits());
            }
        }

        while (at < bytes.Length && bytes[at] is >= 0x20 and not 0x7f)
        {
            at++;
        }

        return at;
    }

    private void Add(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _framing.Note(name, Headers.Count);
        Headers.Add(name, value);
    }

    private bool TryTakeLine(ReadOnlySpan<byte> bytes, ref int at, bool ended, out ReadOnlySpan<byte> line, out bool folded)
    {
        folded = false;
        var end = at;
        while (true)
        {
            var length = bytes[end..].IndexOf((byte)'\n');
            if (length < 0)
            {
                line = bytes[at..].TrimEnd((byte)'\r');
                if (!ended || line.IsEmpty)
                {
                    return false;
                }

                IsCut = true;
                at = bytes.Length;
                return true;
            }

            end += length + 1;
            line = WithoutLineEnd(bytes[at..end]);
            if (!_statusRead || (line.IsEmpty && !folded))
            {
                break;
            }

            // Only the next byte tells whether the field goes on in a folded line (RFC 9112 §5.2).
            if (end == bytes.Length)
            {
                if (!ended)
                {
                    return false;
                }

                break;
            }

            if (!OptionalWhitespace.Contains(bytes[end]))
            {
                break;
            }

            folded = true;
        }

        at = end;
        return true;
    }

    private bool ReadLine(ReadOnlySpan<byte> line)
    {
        if (!_statusRead)
        {
            ReadStatusLine(line);
            _statusRead = true;
            return false;
        }

        if (line.IsEmpty)
        {
            return true;
        }

        if (_firstField && OptionalWhitespace.Contains(line[0]))
        {
            throw ResponseFaults.Malformed("malformed MIME header initial line: " + Encoding.UTF8.GetString(line[..Math.Min(line.Length, 80)]));
        }

        _firstField = false;
        ReadField(line);
        return false;
    }

    private void ReadStatusLine(ReadOnlySpan<byte> line)
    {
        if (line.Length > PlainStatusBytes && line.StartsWith("HTTP/1.1 "u8) && line[PlainStatusBytes] == ' ' &&
            line[9] is >= (byte)'1' and <= (byte)'9' && IsDigit(line[10]) && IsDigit(line[11]) &&
            IndexOfControl(line) == line.Length)
        {
            Status = ((line[9] - '0') * 100) + ((line[10] - '0') * 10) + (line[11] - '0');
            Version = 11;
            return;
        }

        var space = line.IndexOf((byte)' ');
        if (space < 0 || line.IndexOfAny((byte)'\r', (byte)0) >= 0)
        {
            throw ResponseFaults.Malformed("malformed HTTP response", line);
        }

        var rest = line[(space + 1)..].TrimStart((byte)' ');
        var code = rest.IndexOf((byte)' ') is >= 0 and var end ? rest[..end] : rest;
        if (code.Length != 3 || code.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0 || code[0] == '0')
        {
            // A status below 100 passes Go's client and kills daprd; here it is malformed like any other nonsense.
            throw ResponseFaults.Malformed("malformed HTTP status code", code);
        }

        var version = line[..space];
        if (version.Length != 8 || !version.StartsWith("HTTP/"u8) || !IsDigit(version[5]) || version[6] != '.' || !IsDigit(version[7]))
        {
            throw ResponseFaults.Malformed("malformed HTTP version", version);
        }

        Status = ((code[0] - '0') * 100) + ((code[1] - '0') * 10) + (code[2] - '0');
        Version = ((version[5] - '0') * 10) + (version[7] - '0');
    }

    private void ReadField(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon < 0)
        {
            throw ResponseFaults.Malformed("malformed MIME header: missing colon:", line);
        }

        line = OptionalWhitespace.Trim(line);
        colon = line.IndexOf((byte)':');
        var name = line[..colon];
        var value = OptionalWhitespace.Trim(line[(colon + 1)..]);
        var odd = name.IndexOfAnyExcept(NameBytes);
        if ((odd >= 0 && !IsOddOnlyBySpaces(name[odd..])) || value.IndexOfAny(ControlBytes) >= 0)
        {
            throw ResponseFaults.MalformedHeaderLine(line);
        }

        // A field with a space in its name, or without a name, is accepted and has no meaning: Go reads it and its server never writes it.
        if (odd < 0 && !name.IsEmpty)
        {
            Add(name, value);
        }
    }

    private static bool IsOddOnlyBySpaces(ReadOnlySpan<byte> rest)
    {
        foreach (var b in rest)
        {
            if (b != ' ' && !NameBytes.Contains(b))
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsDigit(byte b) => b is >= (byte)'0' and <= (byte)'9';

    private static ReadOnlySpan<byte> WithoutLineEnd(ReadOnlySpan<byte> line)
    {
        line = line[..^1];
        return line.EndsWith("\r"u8) ? line[..^1] : line;
    }

    /// <summary>A folded field becomes one line with one space in place of each fold.</summary>
    private static byte[] Unfold(ReadOnlySpan<byte> lines)
    {
        var unfolded = new ArrayBufferWriter<byte>(lines.Length);
        foreach (var range in lines.Split((byte)'\n'))
        {
            if (unfolded.WrittenCount > 0)
            {
                unfolded.Write(" "u8);
            }

            var line = lines[range];
            unfolded.Write(OptionalWhitespace.Trim(line.EndsWith("\r"u8) ? line[..^1] : line));
        }

        return unfolded.WrittenSpan.ToArray();
    }

    /// <summary>A head across blocks is rare and small: what can belong to it is copied together.</summary>
    private ReadOnlySpan<byte> Join(ReadOnlySequence<byte> buffer)
    {
        _joined ??= new byte[maxBytes + 2];
        var head = buffer.Slice(0, Math.Min(buffer.Length, _joined.Length));
        head.CopyTo(_joined);
        return _joined.AsSpan(0, (int)head.Length);
    }
}
