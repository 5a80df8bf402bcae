using System.Buffers;
using FastSidecar.Protocol;

namespace FastSidecar.Invocation;

/// <summary>
/// A URL as Go's <c>net/url</c> understands it: Dapr reads the client's request target with it, and writes the app's with it, so the two
/// spellings of a path (decoded and as sent) decide which bytes the app sees (Go <c>net/url/url.go</c>: parse, setPath, EscapedPath,
/// RequestURI).
/// </summary>
internal sealed class GoUrl
{
    private readonly byte[] _rawPath;

    private GoUrl(byte[] scheme, byte[] opaque, GoAuthority authority, byte[] path, byte[] rawPath, byte[] rawQuery, bool forceQuery)
    {
        Scheme = scheme;
        Opaque = opaque;
        Host = authority.Host;
        UserName = authority.UserName;
        Password = authority.Password;
        Path = path;
        _rawPath = rawPath;
        RawQuery = rawQuery;
        ForceQuery = forceQuery;
    }

    /// <summary>In lower case; empty in an origin-form target.</summary>
    public byte[] Scheme { get; }

    /// <summary>What follows the scheme when that does not begin with a slash; the path is empty then.</summary>
    public byte[] Opaque { get; }

    /// <summary>Host and port, decoded.</summary>
    public byte[] Host { get; }

    /// <summary>The user of the authority, decoded; null when there was no <c>@</c>.</summary>
    public byte[]? UserName { get; }

    public byte[]? Password { get; }

    /// <summary>Decoded.</summary>
    public byte[] Path { get; }

    /// <summary>As sent, without the question mark.</summary>
    public byte[] RawQuery { get; }

    /// <summary>There was a question mark with nothing behind it.</summary>
    public bool ForceQuery { get; }

    /// <summary>The path as sent where Go accepts that spelling, otherwise the decoded path escaped anew.</summary>
    public byte[] EscapedPath()
    {
        if (_rawPath.Length > 0 && GoEscape.IsAcceptedPath(_rawPath))
        {
            return _rawPath;
        }

        if (Path is [(byte)'*'] || GoEscape.IsPlainPath(Path))
        {
            return Path;
        }

        var escaped = new byte[GoEscape.EscapedPathLength(Path)];
        GoEscape.EscapePath(Path, escaped);
        return escaped;
    }

    /// <summary>Writes the request target Go's HTTP client sends for this URL.</summary>
    public void WriteRequestTarget(IBufferWriter<byte> output)
    {
        if (Opaque.Length > 0)
        {
            if (Opaque.AsSpan().StartsWith("//"u8))
            {
                output.Write(Scheme);
                output.Write(":"u8);
            }

            output.Write(Opaque);
        }
        else
        {
            var path = EscapedPath();
            output.Write(path.Length == 0 ? "/"u8 : path);
        }

        if (ForceQuery || RawQuery.Length > 0)
        {
            output.Write("?"u8);
            output.Write(RawQuery);
        }
    }

    /// <summary>
    /// Reads the target of a request line as Go's server does. False means 400. A <c>#</c> is an ordinary character here; a space never
    /// reaches the parser in Go (the request line falls apart on it) and is refused.
    /// </summary>
    public static bool TryParseRequestTarget(ReadOnlySpan<byte> verb, ReadOnlySpan<byte> target, out GoUrl url)
    {
        url = null!;
        if (target.IsEmpty || target.Contains((byte)' '))
        {
            return false;
        }

        if (verb.SequenceEqual("CONNECT"u8) && target[0] != '/')
        {
            // The authority form has no scheme of its own; Go lends it one.
            return TryParseCore([.. "http://"u8, .. target], viaRequest: true, out url, out _);
        }

        return TryParseCore(target, viaRequest: true, out url, out _);
    }

    /// <summary>
    /// Reads a URL as Go's client does before it sends a request; the error is Go's text, which begins with <c>parse "…": </c>.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out GoUrl url, out string? error)
    {
        var hash = text.IndexOf((byte)'#');
        var withoutFragment = hash < 0 ? text : text[..hash];
        if (!TryParseCore(withoutFragment, viaRequest: false, out url, out error))
        {
            error = $"parse {GoText.Quote(withoutFragment)}: {error}";
            return false;
        }

        // The fragment is never sent, but Go insists on its escapes.
        if (hash >= 0 && !GoEscape.TryUnescape(text[(hash + 1)..], UrlPart.Fragment, new byte[text.Length], out _, out error))
        {
            error = $"parse {GoText.Quote(text)}: {error}";
            return false;
        }

        return true;
    }

    private static bool TryParseCore(ReadOnlySpan<byte> text, bool viaRequest, out GoUrl url, out string? error)
    {
        url = null!;
        if (ContainsControl(text))
        {
            error = "net/url: invalid control character in URL";
            return false;
        }

        if (text.SequenceEqual("*"u8))
        {
            error = null;
            url = new GoUrl([], [], default, [(byte)'*'], [], [], forceQuery: false);
            return true;
        }

        if (!TryCutScheme(text, out var scheme, out var rest, out error))
        {
            return false;
        }

        CutQuery(ref rest, out var query, out var forceQuery);
        if (rest.IsEmpty || rest[0] != '/')
        {
            if (scheme.Length > 0)
            {
                url = new GoUrl(scheme, rest.ToArray(), default, [], [], query.ToArray(), forceQuery);
                return true;
            }

            if (viaRequest)
            {
                error = "invalid URI for request";
                return false;
            }

            var slash = rest.IndexOf((byte)'/');
            if ((slash < 0 ? rest : rest[..slash]).Contains((byte)':'))
            {
                error = "first path segment in URL cannot contain colon";
                return false;
            }
        }

        var authority = default(GoAuthority);
        var mayHaveAuthority = scheme.Length > 0 || (!viaRequest && !rest.StartsWith("///"u8));
        if (mayHaveAuthority && rest.StartsWith("//"u8))
        {
            var slash = rest[2..].IndexOf((byte)'/');
            var name = slash < 0 ? rest[2..] : rest.Slice(2, slash);
            rest = slash < 0 ? default : rest[(2 + slash)..];
            if (!GoAuthority.TryParse(name, out authority, out error))
            {
                return false;
            }
        }

        var path = new byte[rest.Length];
        if (!GoEscape.TryUnescape(rest, UrlPart.Path, path, out var pathLength, out error))
        {
            return false;
        }

        path = path.AsSpan(0, pathLength).ToArray();
        url = new GoUrl(scheme, [], authority, path, RawPathOf(rest, path), query.ToArray(), forceQuery);
        return true;
    }

    /// <summary>Go keeps the spelling only where its own would differ.</summary>
    private static byte[] RawPathOf(ReadOnlySpan<byte> sent, ReadOnlySpan<byte> decoded)
    {
        if (GoEscape.EscapedPathLength(decoded) == sent.Length)
        {
            var escaped = new byte[sent.Length];
            GoEscape.EscapePath(decoded, escaped);
            if (sent.SequenceEqual(escaped))
            {
                return [];
            }
        }

        return sent.ToArray();
    }

    private static bool ContainsControl(ReadOnlySpan<byte> text)
    {
        foreach (var value in text)
        {
            if (value is < 0x20 or 0x7f)
            {
                return true;
            }
        }

        return false;
    }

    private static bool TryCutScheme(ReadOnlySpan<byte> text, out byte[] scheme, out ReadOnlySpan<byte> rest, out string? error)
    {
        scheme = [];
        rest = text;
        error = null;
        for (var i = 0; i < text.Length; i++)
        {
            var value = text[i];
            var isInner = char.IsAsciiDigit((char)value) || value is (byte)'+' or (byte)'-' or (byte)'.';
            if (char.IsAsciiLetter((char)value) || (isInner && i > 0))
            {
                continue;
            }

            if (value == ':')
            {
                if (i == 0)
                {
                    error = "missing protocol scheme";
                    return false;
                }

                scheme = new byte[i];
                System.Text.Ascii.ToLower(text[..i], scheme, out _);
                rest = text[(i + 1)..];
            }

            break;
        }

        return true;
    }

    private static void CutQuery(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> query, out bool forceQuery)
    {
        query = default;
        var mark = rest.IndexOf((byte)'?');
        forceQuery = mark >= 0 && mark == rest.Length - 1;
        if (mark >= 0)
        {
            query = rest[(mark + 1)..];
            rest = rest[..mark];
        }
    }
}
