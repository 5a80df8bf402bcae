using FastSidecar.Protocol;

namespace FastSidecar.Invocation;

/// <summary>User and host of a URL (Go <c>parseAuthority</c>, <c>parseHost</c>).</summary>
internal readonly struct GoAuthority
{
    private readonly byte[]? _host;

    private GoAuthority(byte[] host, byte[]? userName, byte[]? password)
    {
        _host = host;
        UserName = userName;
        Password = password;
    }

    /// <summary>Host and port, decoded.</summary>
    public byte[] Host => _host ?? [];

    /// <summary>Decoded; null when there was no <c>@</c>.</summary>
    public byte[]? UserName { get; }

    public byte[]? Password { get; }

    public static bool TryParse(ReadOnlySpan<byte> text, out GoAuthority authority, out string? error)
    {
        authority = default;
        var at = text.LastIndexOf((byte)'@');
        if (!TryParseHost(text[(at + 1)..], out var host, out error))
        {
            return false;
        }

        if (at < 0)
        {
            authority = new GoAuthority(host, null, null);
            return true;
        }

        var user = text[..at];
        if (!IsValidUserInfo(user))
        {
            error = "net/url: invalid userinfo";
            return false;
        }

        var colon = user.IndexOf((byte)':');
        if (!TryDecode(colon < 0 ? user : user[..colon], UrlPart.UserInfo, out var userName, out error))
        {
            return false;
        }

        byte[]? password = null;
        if (colon >= 0 && !TryDecode(user[(colon + 1)..], UrlPart.UserInfo, out password, out error))
        {
            return false;
        }

        authority = new GoAuthority(host, userName, password);
        return true;
    }

    private static bool TryParseHost(ReadOnlySpan<byte> text, out byte[] host, out string? error)
    {
        host = [];
        if (text.Contains((byte)'['))
        {
            var close = text.LastIndexOf((byte)']');
            if (close < 0)
            {
                error = "missing ']' in host";
                return false;
            }

            if (!IsValidPort(text[(close + 1)..], out error))
            {
                return false;
            }

            var zone = text[..close].IndexOf("%25"u8);
            if (zone >= 0)
            {
                if (!TryDecode(text[..zone], UrlPart.Host, out var before, out error) ||
                    !TryDecode(text[zone..close], UrlPart.Zone, out var inside, out error) ||
                    !TryDecode(text[close..], UrlPart.Host, out var after, out error))
                {
                    return false;
                }

                host = [.. before, .. inside, .. after];
                return true;
            }
        }
        else if (text.LastIndexOf((byte)':') is >= 0 and var colon && !IsValidPort(text[colon..], out error))
        {
            return false;
        }

        return TryDecode(text, UrlPart.Host, out host, out error);
    }

    private static bool IsValidPort(ReadOnlySpan<byte> text, out string? error)
    {
        error = null;
        if (text.IsEmpty || (text[0] == ':' && text[1..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0))
        {
            return true;
        }

        error = $"invalid port {GoText.Quote(text)} after host";
        return false;
    }

    private static bool IsValidUserInfo(ReadOnlySpan<byte> text)
    {
        foreach (var value in text)
        {
            if (!char.IsAsciiLetterOrDigit((char)value) && !"-._:~!$&'()*+,;=%@"u8.Contains(value))
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryDecode(ReadOnlySpan<byte> text, UrlPart part, out byte[] decoded, out string? error)
    {
        var buffer = new byte[text.Length];
        var valid = GoEscape.TryUnescape(text, part, buffer, out var length, out error);
        decoded = valid ? buffer.AsSpan(0, length).ToArray() : [];
        return valid;
    }
}
