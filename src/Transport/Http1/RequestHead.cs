using System.Buffers;
using System.Buffers.Text;
using System.Numerics;
using System.Runtime.Intrinsics;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>Writes a request line and header fields (RFC 9112 §3), refusing what would let one field end early and another begin.</summary>
internal static class RequestHead
{
    /// <summary>The longest line that says how the body is framed; also what <see cref="EndsName"/> may look at behind a name.</summary>
    private const int MaxFramingBytes = 48;

    private static readonly SearchValues<byte> LineBreakers = SearchValues.Create(0, 10, 13);

    private static ReadOnlySpan<byte> Version => " HTTP/1.1\r\n"u8;

    /// <summary>Throws <see cref="ArgumentException"/> before anything has been written.</summary>
    /// <remarks>
    /// The head is laid out first and looked at as a whole: one pass over it, instead of one over each part, counts what could end a line.
    /// Only where there is too much of that are the parts checked one by one. Nothing is written before <c>Advance</c>.
    /// </remarks>
    public static void Write(
        IBufferWriter<byte> output, ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers, Http1BodyFraming framing, long contentLength)
    {
        var span = output.GetSpan(Length(method, target, headers));
        var at = Put(span, 0, method);
        span[at++] = (byte)' ';
        at = Put(span, at, target);
        at = Put(span, at, Version);
        var isSound = !method.IsEmpty && !method.Contains((byte)' ') && !target.IsEmpty && !target.Contains((byte)' ');
        for (var i = 0; i < headers.Count; i++)
        {
            var name = headers.Name(i);
            var start = at;
            at = PutField(span, at, name, headers.Value(i));
            isSound &= EndsName(span[start..], name.Length) && !IsFraming(name);
        }

        if (!isSound || CountControls(span[..at]) != 2 * (headers.Count + 1))
        {
            Check(method, target, headers);
        }

        at = PutFraming(span, at, framing, contentLength);
        output.Advance(Put(span, at, "\r\n"u8));
    }

    private static int Length(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers)
    {
        var length = method.Length + 1 + target.Length + Version.Length + MaxFramingBytes + 2;
        for (var i = 0; i < headers.Count; i++)
        {
            length += headers.Name(i).Length + headers.Value(i).Length + 4;
        }

        return length;
    }

    private static int PutField(Span<byte> span, int at, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        at = Put(span, at, name);
        span[at++] = (byte)':';
        span[at++] = (byte)' ';
        at = Put(span, at, value);
        span[at++] = (byte)'\r';
        span[at++] = (byte)'\n';
        return at;
    }

    /// <summary>The first colon stands behind the name, which is not empty.</summary>
    private static bool EndsName(ReadOnlySpan<byte> line, int nameLength)
    {
        if (nameLength >= Vector128<byte>.Count)
        {
            return line.IndexOf((byte)':') == nameLength;
        }

        var colons = Vector128.Equals(Vector128.Create(line), Vector128.Create((byte)':')).ExtractMostSignificantBits();
        return nameLength > 0 && BitOperations.TrailingZeroCount(colons) == nameLength;
    }

    /// <summary>
    /// How many bytes are CR or smaller: NUL and LF, and the tab, which is no fault but rare. A head is never shorter than a vector.
    /// </summary>
    private static int CountControls(ReadOnlySpan<byte> head)
    {
        var greatest = Vector128.Create((byte)'\r');
        var count = 0;
        while (head.Length >= Vector128<byte>.Count)
        {
            count += BitOperations.PopCount(Vector128.LessThanOrEqual(Vector128.Create(head), greatest).ExtractMostSignificantBits());
            head = head[Vector128<byte>.Count..];
        }

        foreach (var b in head)
        {
            count += b <= (byte)'\r' ? 1 : 0;
        }

        return count;
    }

    /// <summary>Names the first part that may not be sent.</summary>
    private static void Check(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers)
    {
        CheckToken(method, nameof(method));
        CheckToken(target, nameof(target));
        for (var i = 0; i < headers.Count; i++)
        {
            CheckField(headers.Name(i), headers.Value(i));
        }
    }

    private static void CheckField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.IsEmpty || name.ContainsAny(LineBreakers) || name.Contains((byte)':'))
        {
            throw new ArgumentException($"a header name may not be {GoText.Quote(name)}", "headers");
        }

        if (value.ContainsAny(LineBreakers))
        {
            throw new ArgumentException($"the value of header {GoText.Quote(name)} holds a line break or NUL", "headers");
        }

        if (IsFraming(name))
        {
            throw new ArgumentException($"header {GoText.Quote(name)} follows from the framing", "headers");
        }
    }

    private static int PutFraming(Span<byte> span, int at, Http1BodyFraming framing, long contentLength)
    {
        switch (framing)
        {
            case Http1BodyFraming.Chunked:
                return Put(span, at, "Transfer-Encoding: chunked\r\n"u8);
            case Http1BodyFraming.Length:
                at = Put(span, at, "Content-Length: "u8);
                Utf8Formatter.TryFormat(contentLength, span[at..], out var digits);
                return Put(span, at + digits, "\r\n"u8);
            default:
                return at;
        }
    }

    private static bool IsFraming(ReadOnlySpan<byte> name) =>
        (name.Length == 14 && System.Text.Ascii.EqualsIgnoreCase(name, "Content-Length"u8)) ||
        (name.Length == 17 && System.Text.Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8));

    private static void CheckToken(ReadOnlySpan<byte> token, string what)
    {
        if (token.IsEmpty || token.ContainsAny(LineBreakers) || token.Contains((byte)' '))
        {
            throw new ArgumentException($"the request's {what} may not be {GoText.Quote(token)}", what);
        }
    }

    private static int Put(Span<byte> span, int at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(span[at..]);
        return at + bytes.Length;
    }
}
