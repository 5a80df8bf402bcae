using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>The names that a message's <c>Connection</c> fields single out as meant for one connection only (RFC 9110 §7.6.1).</summary>
internal readonly ref struct ConnectionTokens
{
    private readonly HeaderList _headers;
    private readonly int _first;
    private readonly int _last;

    public ConnectionTokens(HeaderList headers)
    {
        _headers = headers;
        _first = _last = headers.IndexOf(HeaderNames.Connection);
        for (var i = _first; i >= 0; i = headers.IndexOf(HeaderNames.Connection, i + 1))
        {
            _last = i;
        }
    }

    /// <summary>
    /// Some token is not itself the name of a hop-by-hop field, as in <c>Connection: keep-alive</c>. Without one no other field is named.
    /// </summary>
    public bool NamesFurtherFields()
    {
        for (var i = _first; i >= 0; i = Next(i))
        {
            var value = _headers.Value(i);
            if (value.SequenceEqual("keep-alive"u8))
            {
                continue; // What most servers send that send any.
            }

            while (TryCut(ref value, out var token))
            {
                if (!HeaderNames.IsHopByHop(token))
                {
                    return true;
                }
            }
        }

        return false;
    }

    public bool Contains(ReadOnlySpan<byte> name)
    {
        for (var i = _first; i >= 0; i = Next(i))
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
            token = Trim(comma < 0 ? value : value[..comma]);
            value = comma < 0 ? default : value[(comma + 1)..];
            if (!token.IsEmpty)
            {
                return true;
            }
        }

        token = default;
        return false;
    }

    /// <summary>The next Connection field, or −1. Behind the last one nothing is searched: every other field asks.</summary>
    private int Next(int index) => index == _last ? -1 : _headers.IndexOf(HeaderNames.Connection, index + 1);

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> token)
    {
        while (!token.IsEmpty && IsBlank(token[0]))
        {
            token = token[1..];
        }

        while (!token.IsEmpty && IsBlank(token[^1]))
        {
            token = token[..^1];
        }

        return token;
    }

    private static bool IsBlank(byte b) => b is (byte)' ' or (byte)'\t';
}
