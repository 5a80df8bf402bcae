using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>How the end of a response body is known (RFC 9112 §6.3).</summary>
internal enum ResponseBodyKind
{
    None,
    Length,
    Chunked,
    UntilClose,
}

/// <summary>
/// Body framing and persistence of a response, decided as Go's client does (transfer.go: parseTransferEncoding, fixLength, shouldClose). It
/// differs from RFC 9112 where a proxy could be fooled only by its own app: chunked wins over Content-Length, and HTTP/1.0's
/// Transfer-Encoding is ignored.
/// </summary>
internal readonly record struct ResponseFraming(ResponseBodyKind Kind, long Length, bool Close)
{
    public static ResponseFraming Of(ResponseHead head, bool answersHead)
    {
        var status = head.Status;
        var chunked = head.Version >= 11 && IsChunked(head.Headers, head.Framing.TransferEncoding);
        var length = ContentLength(head.Headers, head.Framing.ContentLength);
        var close = WillClose(head.Version, head.Headers, head.Framing.Connection);
        if (answersHead && status is >= 200 and not (204 or 304))
        {
            // The length of the body that a GET would get, or -1.
            return new ResponseFraming(ResponseBodyKind.None, chunked ? -1 : length, close);
        }

        if (status is < 200 or 204 or 304)
        {
            return new ResponseFraming(ResponseBodyKind.None, 0, close || status == 101);
        }

        if (chunked)
        {
            return new ResponseFraming(ResponseBodyKind.Chunked, -1, close);
        }

        return length switch
        {
            < 0 => new ResponseFraming(ResponseBodyKind.UntilClose, -1, Close: true),
            0 => new ResponseFraming(ResponseBodyKind.None, 0, close),
            _ => new ResponseFraming(ResponseBodyKind.Length, length, close),
        };
    }

    private static bool IsChunked(HeaderList headers, int index)
    {
        if (index < 0)
        {
            return false;
        }

        if (headers.IndexOf(FramingFields.TransferEncodingName, index + 1) >= 0)
        {
            throw ResponseFaults.Malformed($"too many transfer encodings: {QuoteAll(headers, FramingFields.TransferEncodingName)}");
        }

        if (!Ascii.EqualsIgnoreCase(headers.Value(index), "chunked"u8))
        {
            throw ResponseFaults.Malformed("unsupported transfer encoding:", headers.Value(index));
        }

        return true;
    }

    /// <summary>−1 when there is none.</summary>
    private static long ContentLength(HeaderList headers, int index)
    {
        if (index < 0)
        {
            return -1;
        }

        var first = headers.Value(index);
        for (var i = headers.IndexOf(FramingFields.ContentLengthName, index + 1); i >= 0; i = headers.IndexOf(FramingFields.ContentLengthName, i + 1))
        {
            if (!headers.Value(i).SequenceEqual(first))
            {
                throw ResponseFaults.Malformed($"http: message cannot contain multiple Content-Length headers; got {QuoteAll(headers, FramingFields.ContentLengthName)}");
            }
        }

        if (first.IsEmpty)
        {
            throw ResponseFaults.Malformed("invalid empty Content-Length", first);
        }

        var length = 0L;
        foreach (var digit in first)
        {
            if (digit is < (byte)'0' or > (byte)'9' || length > (long.MaxValue - (digit - '0')) / 10)
            {
                throw ResponseFaults.Malformed("bad Content-Length", first);
            }

            length = (length * 10) + (digit - '0');
        }

        return length;
    }

    private static bool WillClose(int version, HeaderList headers, int index)
    {
        var close = false;
        var keepAlive = false;
        for (var i = index; i >= 0; i = headers.IndexOf(FramingFields.ConnectionName, i + 1))
        {
            var value = headers.Value(i);
            close |= HasToken(value, "close"u8);
            keepAlive |= version == 10 && HasToken(value, "keep-alive"u8);
        }

        return version switch
        {
            < 10 => true,
            10 => close || !keepAlive,
            _ => close,
        };
    }

    private static bool HasToken(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        while (true)
        {
            var comma = list.IndexOf((byte)',');
            if (Ascii.EqualsIgnoreCase(OptionalWhitespace.Trim(comma < 0 ? list : list[..comma]), token))
            {
                return true;
            }

            if (comma < 0)
            {
                return false;
            }

            list = list[(comma + 1)..];
        }
    }

    private static string QuoteAll(HeaderList headers, ReadOnlySpan<byte> name)
    {
        var text = new StringBuilder("[");
        for (var i = headers.IndexOf(name); i >= 0; i = headers.IndexOf(name, i + 1))
        {
            text.Append(text.Length == 1 ? "" : " ").Append(GoText.Quote(headers.Value(i)));
        }

        return text.Append(']').ToString();
    }
}
