using System.Buffers;
using FastSidecar.Protocol;

namespace FastSidecar.Invocation;

/// <summary>The part of a URL an escape stands in; the same byte may be plain in one and need an escape in another.</summary>
internal enum UrlPart
{
    Path,
    Host,

    /// <summary>The zone of an IPv6 literal, after <c>%25</c>.</summary>
    Zone,
    UserInfo,

    /// <summary>A name or value inside a query, where <c>+</c> is a space.</summary>
    QueryComponent,
    Fragment,
}

/// <summary>
/// Percent escapes as Go's <c>net/url</c> reads and writes them (Go <c>net/url/url.go</c>: unescape, escape, shouldEscape, validEncoded).
/// </summary>
internal static class GoEscape
{
    /// <summary>What Go leaves alone when it escapes a path by its own rule.</summary>
    private static readonly SearchValues<byte> PathPlain =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,/:;=@"u8);

    /// <summary>What a client may have left unescaped in a path without Go escaping the whole of it anew.</summary>
    private static readonly SearchValues<byte> PathAccepted =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~$&+,/:;=@!'()*[]%"u8);

    private static readonly SearchValues<byte> HostPlain =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!$&'()*+,;=:[]<>\""u8);

    /// <summary>Whether the path is as Go itself would write it, so that decoding and encoding give the same bytes.</summary>
    public static bool IsPlainPath(ReadOnlySpan<byte> path) => path.IndexOfAnyExcept(PathPlain) < 0;

    /// <summary>Whether Go keeps the spelling of an escaped path (<c>validEncoded</c>).</summary>
    public static bool IsAcceptedPath(ReadOnlySpan<byte> escaped) => escaped.IndexOfAnyExcept(PathAccepted) < 0;

    /// <summary>
    /// Decodes into <paramref name="output"/>, which must be as long as <paramref name="text"/>. False with Go's error text when an escape
    /// is malformed or, in a host, a byte is not allowed.
    /// </summary>
    public static bool TryUnescape(ReadOnlySpan<byte> text, UrlPart part, Span<byte> output, out int written, out string? error)
    {
        written = 0;
        error = null;
        for (var i = 0; i < text.Length; i++)
        {
            var value = text[i];
            if (value == '%')
            {
                if (!TryReadEscape(text[i..], part, out value))
                {
                    error = $"invalid URL escape {GoText.Quote(text.Slice(i, Math.Min(3, text.Length - i)))}";
                    return false;
                }

                i += 2;
            }
            else if (value == '+' && part == UrlPart.QueryComponent)
            {
                value = (byte)' ';
            }
            else if (part is UrlPart.Host or UrlPart.Zone && value < 0x80 && !HostPlain.Contains(value))
            {
                error = $"invalid character {GoText.Quote(text.Slice(i, 1))} in host name";
                return false;
            }

            output[written++] = value;
        }

        return true;
    }

    /// <summary>The number of bytes <see cref="EscapePath"/> writes.</summary>
    public static int EscapedPathLength(ReadOnlySpan<byte> path)
    {
        var length = path.Length;
        foreach (var value in path)
        {
            length += PathPlain.Contains(value) ? 0 : 2;
        }

        return length;
    }

    /// <summary>Writes a decoded path with the escapes Go would choose, hexadecimal digits in upper case.</summary>
    public static void EscapePath(ReadOnlySpan<byte> path, Span<byte> output)
    {
        var written = 0;
        foreach (var value in path)
        {
            if (PathPlain.Contains(value))
            {
                output[written++] = value;
                continue;
            }

            output[written++] = (byte)'%';
            output[written++] = UpperHex(value >> 4);
            output[written++] = UpperHex(value & 0xf);
        }
    }

    private static bool TryReadEscape(ReadOnlySpan<byte> text, UrlPart part, out byte value)
    {
        value = 0;
        if (text.Length < 3 || !char.IsAsciiHexDigit((char)text[1]) || !char.IsAsciiHexDigit((char)text[2]))
        {
            return false;
        }

        value = (byte)((HexValue(text[1]) << 4) | HexValue(text[2]));
        return part switch
        {
            // RFC 6874: in a host only non-ASCII bytes and the percent sign before a zone may be escaped.
            UrlPart.Host => value >= 0x80 || value == '%',
            UrlPart.Zone => value is (byte)'%' or (byte)' ' || HostPlain.Contains(value),
            _ => true,
        };
    }

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static byte UpperHex(int value) => (byte)(value < 10 ? '0' + value : 'A' + value - 10);
}
