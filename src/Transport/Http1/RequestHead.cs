using System.Buffers;
using System.Buffers.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>Writes a request line and header fields (RFC 9112 §3), refusing what would let one field end early and another begin.</summary>
internal static class RequestHead
{
    private const int MaxFramingBytes = 48;

    private static readonly SearchValues<byte> LineBreakers = SearchValues.Create(0, 10, 13);

    private static ReadOnlySpan<byte> Version => " HTTP/1.1\r\n"u8;

    /// <summary>Throws <see cref="ArgumentException"/> before anything has been written.</summary>
    public static void Write(
        IBufferWriter<byte> output, ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers, Http1BodyFraming framing, long contentLength)
    {
        CheckToken(method, nameof(method));
        CheckToken(target, nameof(target));
        var span = output.GetSpan(Length(method, target, headers));
        var at = Put(span, 0, method);
        span[at++] = (byte)' ';
        at = Put(span, at, target);
        at = Put(span, at, Version);
        for (var i = 0; i < headers.Count; i++)
        {
            at = PutField(span, at, headers.Name(i), headers.Value(i));
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

        at = Put(span, at, name);
        span[at++] = (byte)':';
        span[at++] = (byte)' ';
        at = Put(span, at, value);
        span[at++] = (byte)'\r';
        span[at++] = (byte)'\n';
        return at;
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
