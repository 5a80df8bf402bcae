using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>The names that a message's <c>Connection</c> fields single out as meant for one connection only (RFC 9110 §7.6.1).</summary>
internal readonly ref struct ConnectionTokens
{
    private readonly HeaderList _headers;
    private readonly int _first;

    public ConnectionTokens(HeaderList headers)
    {
        _headers = headers;
        _first = headers.IndexOf(HeaderNames.Connection);
    }

    public bool Contains(ReadOnlySpan<byte> name)
    {
        for (var i = _first; i >= 0; i = _headers.IndexOf(HeaderNames.Connection, i + 1))
        {
            if (ValueContains(_headers.Value(i), name))
            {
                return true;
            }
        }

        return false;
    }

    public static bool ValueContains(ReadOnlySpan<byte> value, ReadOnlySpan<byte> name)
    {
        while (TryCut(ref value, out var token))
        {
            if (HeaderNames.Is(token, name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Cuts the next token off the value; empty ones are skipped.</summary>
    public static bool TryCut(ref ReadOnlySpan<byte> value, out ReadOnlySpan<byte> token)
    {
        while (!value.IsEmpty)
        {
            var comma = value.IndexOf((byte)',');
            token = (comma < 0 ? value : value[..comma]).Trim(" \t"u8);
            value = comma < 0 ? default : value[(comma + 1)..];
            if (!token.IsEmpty)
            {
                return true;
            }
        }

        token = default;
        return false;
    }
}
