using System.Buffers;
using System.Buffers.Text;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Api.Http;

/// <summary>
/// The head of an HTTP/1.1 request that asks for HTTP/2 by <c>Upgrade: h2c</c> (RFC 7540 §3.2), as an HTTP/2 head. What is not plainly such a
/// request is left to the HTTP/1.1 server, which answers it as it would any other: a client must be ready for that (RFC 9110 §7.8).
/// </summary>
internal sealed class H2cUpgradeHead
{
    /// <summary>Longer heads stay HTTP/1.1, where the limit of heads is counted.</summary>
    public const int MaxBytes = 4096;

    /// <summary>A body that comes with the request is held whole before the 101 leaves; with a longer one the request stays HTTP/1.1.</summary>
    public const int MaxBodyBytes = 64 * 1024;

    private static ReadOnlySpan<byte> SettingsName => "HTTP2-Settings"u8;

    private string? _settings;
    private int _settingsFields;
    private int _hosts;
    private bool _asks;
    private bool _namesSettings;
    private int _contentLength = -1;

    private H2cUpgradeHead()
    {
    }

    /// <summary>Pseudo-headers first, names in lower case, nothing that concerned the HTTP/1.1 connection only.</summary>
    public HeaderList Fields { get; } = new();

    public int Bytes { get; private init; }

    public int BodyBytes => Math.Max(_contentLength, 0);

    /// <summary>The client waits for a 100 before it sends the body.</summary>
    public bool ExpectsContinue { get; private set; }

    /// <summary>Null where <paramref name="received"/> does not begin with the whole head of such a request.</summary>
    public static H2cUpgradeHead? Find(in ReadOnlySequence<byte> received)
    {
        var bytes = received.Slice(0, Math.Min(received.Length, MaxBytes)).Join(out var rented);
        try
        {
            // Most first requests do not ask: this is all that is looked at of them.
            if (!MayAsk(bytes) || bytes.IndexOf("\r\n\r\n"u8) is not (> 0 and var end))
            {
                return null;
            }

            var head = new H2cUpgradeHead { Bytes = end + 4 };
            return head.TryRead(bytes[..(end + 2)]) ? head : null;
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>The payload of HTTP2-Settings; false when there is not exactly one that is base64url without padding.</summary>
    public bool TryDecodeSettings(out byte[] settings)
    {
        settings = [];
        if (_settingsFields != 1 || _settings!.Contains('=', StringComparison.Ordinal) || !Base64Url.IsValid(_settings))
        {
            return false;
        }

        settings = Base64Url.DecodeFromChars(_settings);
        return true;
    }

    private bool TryRead(ReadOnlySpan<byte> lines)
    {
        if (!TryReadRequestLine(ref lines))
        {
            return false;
        }

        while (!lines.IsEmpty)
        {
            // Who ends lines at a bare CR or LF sees other fields than we do: such a head is Kestrel's to refuse.
            var end = lines.IndexOf("\r\n"u8);
            if (lines[..end].ContainsAny((byte)'\r', (byte)'\n') || !TryReadField(lines[..end]))
            {
                return false;
            }

            lines = lines[(end + 2)..];
        }

        return _asks && _namesSettings && _hosts == 1 && BodyBytes <= MaxBodyBytes;
    }

    private static bool MayAsk(ReadOnlySpan<byte> head)
    {
        for (var at = head.IndexOf("\r\n"u8); at >= 0; at = NextLine(head, at))
        {
            var line = head[(at + 2)..];
            if (line.Length > SettingsName.Length && Ascii.EqualsIgnoreCase(line[..SettingsName.Length], SettingsName))
            {
                return true;
            }
        }

        return false;

        static int NextLine(ReadOnlySpan<byte> head, int at)
        {
            var next = head[(at + 2)..].IndexOf("\r\n"u8);
            return next < 0 ? -1 : at + 2 + next;
        }
    }

    /// <summary>method SP origin-form SP HTTP/1.1 (RFC 9112 §3).</summary>
    private bool TryReadRequestLine(ref ReadOnlySpan<byte> lines)
    {
        var end = lines.IndexOf("\r\n"u8);
        var line = lines[..end];
        lines = lines[(end + 2)..];
        var methodEnd = line.IndexOf((byte)' ');
        if (methodEnd <= 0 || !line.EndsWith(" HTTP/1.1"u8) || line[..methodEnd].SequenceEqual("CONNECT"u8))
        {
            return false;
        }

        var target = line[(methodEnd + 1)..^Math.Min(" HTTP/1.1"u8.Length, line.Length - methodEnd - 1)];
        if (target.IsEmpty || target.Contains((byte)' ') || (target[0] != (byte)'/' && !target.SequenceEqual("*"u8)))
        {
            return false;
        }

        Fields.Add(":method"u8, line[..methodEnd]);
        Fields.Add(":scheme"u8, "http"u8);
        Fields.Add(":path"u8, target);
        return true;
    }

    private bool TryReadField(ReadOnlySpan<byte> line)
    {
        var colon = line.IndexOf((byte)':');
        if (colon <= 0 || line[..colon].ContainsAny(" \t"u8))
        {
            return false; // nameless, folded or malformed
        }

        Span<byte> lowerCase = stackalloc byte[colon];
        Ascii.ToLower(line[..colon], lowerCase, out var length);
        return length == colon && TryTake(lowerCase, line[(colon + 1)..].Trim(" \t"u8));
    }

    private bool TryTake(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name)
        {
            case var _ when name.SequenceEqual("host"u8):
                _hosts++;
                break;
            case var _ when name.SequenceEqual("upgrade"u8):
                _asks |= ConnectionTokens.ValueContains(value, "h2c"u8);
                return true;
            case var _ when name.SequenceEqual("connection"u8):
                _namesSettings |= ConnectionTokens.ValueContains(value, SettingsName);
                return NamesOnlyTheUpgrade(value);
            case var _ when name.SequenceEqual("http2-settings"u8):
                _settings = Encoding.Latin1.GetString(value);
                _settingsFields++;
                return true;
            case var _ when name.SequenceEqual("keep-alive"u8) || name.SequenceEqual("proxy-connection"u8):
                return true;
            case var _ when name.SequenceEqual("te"u8) && !value.SequenceEqual("trailers"u8):
                return true;
            case var _ when name.SequenceEqual("transfer-encoding"u8):
                return false;
            case var _ when name.SequenceEqual("expect"u8):
                ExpectsContinue = Ascii.EqualsIgnoreCase(value, "100-continue"u8);
                break;
            case var _ when name.SequenceEqual("content-length"u8):
                if (_contentLength >= 0 || !TryReadLength(value, out _contentLength))
                {
                    return false;
                }

                break;
            default:
                break;
        }

        Fields.Add(name, value);
        return true;
    }

    /// <summary>
    /// Other fields that <c>Connection</c> names would have to be dropped, wherever they stand in the head. It is simpler to leave such a
    /// request to HTTP/1.1, which knows what to do with them, as with <c>close</c>: curl and nghttp name none. Keep-Alive is dropped anyway.
    /// </summary>
    private static bool NamesOnlyTheUpgrade(ReadOnlySpan<byte> value)
    {
        while (ConnectionTokens.TryCut(ref value, out var token))
        {
            if (!Ascii.EqualsIgnoreCase(token, "upgrade"u8) && !Ascii.EqualsIgnoreCase(token, SettingsName) &&
                !Ascii.EqualsIgnoreCase(token, "keep-alive"u8))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryReadLength(ReadOnlySpan<byte> value, out int length)
    {
        length = 0;
        return value.Length is > 0 and <= 9 && !value.ContainsAnyExceptInRange((byte)'0', (byte)'9') &&
            Utf8Parser.TryParse(value, out length, out _);
    }
}
