using System.Buffers;
using System.Buffers.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http2;

/// <summary>Which header lists are well-formed HTTP messages (RFC 9113 §8.2, §8.3). Pure functions.</summary>
internal static class HeadRules
{
    private const int MaxLengthDigits = 19;

    /// <summary>Token characters (RFC 9110 §5.6.2) without capitals.</summary>
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>
    /// Control characters but the tab (RFC 9110 §5.5). RFC 9113 §8.2.1 names only NUL, CR and LF; Go's peers refuse all of them, as our
    /// HTTP/1.1 does.
    /// </summary>
    private static readonly SearchValues<byte> ForbiddenValueBytes = SearchValues.Create(
        "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"u8);

    private static readonly SearchValues<byte> UnsendableValueBytes = SearchValues.Create("\0\r\n"u8);

    /// <summary>
    /// Checks the fields from <paramref name="first"/> to before <paramref name="end"/>. <paramref name="facts"/> are those of the fields
    /// before, and become those of all.
    /// </summary>
    /// <remarks>
    /// Leading and trailing blanks of values are let through, though §8.2.1 forbids them: Go's servers accept them, and gRPC metadata may
    /// hold them.
    /// </remarks>
    public static MalformedReason Check(HeadKind kind, HeaderList head, int first, int end, ref HeadFacts facts)
    {
        for (var i = first; i < end; i++)
        {
            var name = head.Name(i);
            var value = head.Value(i);
            var reason = name.Length > 0 && name[0] == (byte)':'
                ? CheckPseudo(kind, name, value, i, ref facts)
                : CheckField(kind, name, value, ref facts);
            if (reason != MalformedReason.None)
            {
                return reason;
            }
        }

        return MalformedReason.None;
    }

    /// <summary>Checks what only the end of a head shows.</summary>
    public static MalformedReason CheckWhole(HeadKind kind, in HeadFacts facts) => kind switch
    {
        HeadKind.Request => (facts.Seen & NeededBy(facts)) == NeededBy(facts) ? MalformedReason.None : MalformedReason.MissingPseudoHeader,
        HeadKind.Response => facts.Status == 0 ? MalformedReason.MissingPseudoHeader : MalformedReason.None,
        _ => MalformedReason.None,
    };

    /// <summary>CONNECT has no scheme and path unless it is extended (RFC 9113 §8.5, RFC 8441 §4).</summary>
    private static PseudoHeaders NeededBy(in HeadFacts facts) => facts.IsConnect && (facts.Seen & PseudoHeaders.Protocol) == 0
        ? PseudoHeaders.Method | PseudoHeaders.Authority
        : PseudoHeaders.Method | PseudoHeaders.Scheme | PseudoHeaders.Path;

    private static MalformedReason CheckPseudo(
        HeadKind kind, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int index, ref HeadFacts facts) => kind switch
        {
            HeadKind.Request => CheckRequestPseudo(name, value, ref facts),
            HeadKind.Response when index == 0 && name.SequenceEqual(":status"u8) && TryParseStatus(value, out facts.Status) =>
                MalformedReason.None,
            _ => MalformedReason.PseudoHeader,
        };

    private static MalformedReason CheckRequestPseudo(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref HeadFacts facts)
    {
        var pseudo = RequestPseudo(name);
        if (facts.InFields || pseudo == PseudoHeaders.None || (facts.Seen & pseudo) != 0 ||
            (value.IsEmpty && pseudo != PseudoHeaders.Authority) ||
            (pseudo == PseudoHeaders.Path && value[0] != (byte)'/' && !value.SequenceEqual("*"u8)))
        {
            return MalformedReason.PseudoHeader;
        }

        if (value.ContainsAny(ForbiddenValueBytes))
        {
            return MalformedReason.FieldValue;
        }

        facts.Seen |= pseudo;
        facts.IsConnect |= pseudo == PseudoHeaders.Method && value.SequenceEqual("CONNECT"u8);
        return MalformedReason.None;
    }

    /// <summary>
    /// Our own lists: what would split a message at the peer, or be refused by it, never leaves. The fields before <paramref name="first"/>
    /// are known to be in order.
    /// </summary>
    public static void ThrowIfUnsendable(HeaderList headers, int first = 0)
    {
        for (var i = first; i < headers.Count; i++)
        {
            var name = headers.Name(i);
            var plain = name.Length > 0 && name[0] == (byte)':' ? name[1..] : name;
            if (plain.IsEmpty || plain.ContainsAnyExcept(NameBytes))
            {
                throw new ArgumentException($"the name of field {i} is not a lower-case HTTP field name", nameof(headers));
            }

            if (headers.Value(i).ContainsAny(UnsendableValueBytes))
            {
                throw new ArgumentException($"the value of field {i} contains a NUL, CR or LF", nameof(headers));
            }
        }
    }

    public static bool IsInterim(HeaderList head) =>
        head.Count > 0 && head.Name(0).SequenceEqual(":status"u8) && head.Value(0) is { Length: 3 } status && status[0] == (byte)'1';

    public static bool IsHeadRequest(HeaderList head) => head.TryGet(":method"u8, out var method) && method.SequenceEqual("HEAD"u8);

    private static MalformedReason CheckField(HeadKind kind, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref HeadFacts facts)
    {
        facts.InFields = true;
        if (name.IsEmpty || name.ContainsAnyExcept(NameBytes))
        {
            return MalformedReason.FieldName;
        }

        if (value.ContainsAny(ForbiddenValueBytes))
        {
            return MalformedReason.FieldValue;
        }

        // The length tells most names from these few.
        return name.Length switch
        {
            2 when name.SequenceEqual("te"u8) && !value.SequenceEqual("trailers"u8) => MalformedReason.ConnectionSpecificField,
            7 when name.SequenceEqual("upgrade"u8) => MalformedReason.ConnectionSpecificField,
            10 when name.SequenceEqual("connection"u8) || name.SequenceEqual("keep-alive"u8) => MalformedReason.ConnectionSpecificField,
            14 when name.SequenceEqual("content-length"u8) => CheckContentLength(kind, value, ref facts.ContentLength),
            16 when name.SequenceEqual("proxy-connection"u8) => MalformedReason.ConnectionSpecificField,
            17 when name.SequenceEqual("transfer-encoding"u8) => MalformedReason.ConnectionSpecificField,
            _ => MalformedReason.None,
        };
    }

    private static MalformedReason CheckContentLength(HeadKind kind, ReadOnlySpan<byte> value, ref long contentLength)
    {
        if (value.Length is 0 or > MaxLengthDigits || value.ContainsAnyExceptInRange((byte)'0', (byte)'9') ||
            !Utf8Parser.TryParse(value, out long length, out _) ||
            (contentLength >= 0 && contentLength != length && kind != HeadKind.Trailers))
        {
            return MalformedReason.ContentLength;
        }

        contentLength = length;
        return MalformedReason.None;
    }

    private static PseudoHeaders RequestPseudo(ReadOnlySpan<byte> name) => name.Length switch
    {
        5 when name.SequenceEqual(":path"u8) => PseudoHeaders.Path,
        7 when name.SequenceEqual(":method"u8) => PseudoHeaders.Method,
        7 when name.SequenceEqual(":scheme"u8) => PseudoHeaders.Scheme,
        9 when name.SequenceEqual(":protocol"u8) => PseudoHeaders.Protocol,
        10 when name.SequenceEqual(":authority"u8) => PseudoHeaders.Authority,
        _ => PseudoHeaders.None,
    };

    private static bool TryParseStatus(ReadOnlySpan<byte> value, out int status)
    {
        status = 0;
        if (value.Length != 3 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9') || value[0] == (byte)'0')
        {
            return false;
        }

        status = ((value[0] - '0') * 100) + ((value[1] - '0') * 10) + (value[2] - '0');
        return true;
    }
}
