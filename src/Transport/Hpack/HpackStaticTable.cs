namespace FastSidecar.Transport.Hpack;

/// <summary>The static table (RFC 7541 appendix A). Indices start at 1, as on the wire; equal names stand next to each other.</summary>
internal static class HpackStaticTable
{
    public const int Count = 61;

    private static readonly Entry[] Entries =
    [
        new(""u8, ""u8), // index 0 does not exist
        new(":authority"u8, ""u8),
        new(":method"u8, "GET"u8),
        new(":method"u8, "POST"u8),
        new(":path"u8, "/"u8),
        new(":path"u8, "/index.html"u8),
        new(":scheme"u8, "http"u8),
        new(":scheme"u8, "https"u8),
        new(":status"u8, "200"u8),
        new(":status"u8, "204"u8),
        new(":status"u8, "206"u8),
        new(":status"u8, "304"u8),
        new(":status"u8, "400"u8),
        new(":status"u8, "404"u8),
        new(":status"u8, "500"u8),
        new("accept-charset"u8, ""u8),
        new("accept-encoding"u8, "gzip, deflate"u8),
        new("accept-language"u8, ""u8),
        new("accept-ranges"u8, ""u8),
        new("accept"u8, ""u8),
        new("access-control-allow-origin"u8, ""u8),
        new("age"u8, ""u8),
        new("allow"u8, ""u8),
        new("authorization"u8, ""u8),
        new("cache-control"u8, ""u8),
        new("content-disposition"u8, ""u8),
        new("content-encoding"u8, ""u8),
        new("content-language"u8, ""u8),
        new("content-length"u8, ""u8),
        new("content-location"u8, ""u8),
        new("content-range"u8, ""u8),
        new("content-type"u8, ""u8),
        new("cookie"u8, ""u8),
        new("date"u8, ""u8),
        new("etag"u8, ""u8),
        new("expect"u8, ""u8),
        new("expires"u8, ""u8),
        new("from"u8, ""u8),
        new("host"u8, ""u8),
        new("if-match"u8, ""u8),
        new("if-modified-since"u8, ""u8),
        new("if-none-match"u8, ""u8),
        new("if-range"u8, ""u8),
        new("if-unmodified-since"u8, ""u8),
        new("last-modified"u8, ""u8),
        new("link"u8, ""u8),
        new("location"u8, ""u8),
        new("max-forwards"u8, ""u8),
        new("proxy-authenticate"u8, ""u8),
        new("proxy-authorization"u8, ""u8),
        new("range"u8, ""u8),
        new("referer"u8, ""u8),
        new("refresh"u8, ""u8),
        new("retry-after"u8, ""u8),
        new("server"u8, ""u8),
        new("set-cookie"u8, ""u8),
        new("strict-transport-security"u8, ""u8),
        new("transfer-encoding"u8, ""u8),
        new("user-agent"u8, ""u8),
        new("vary"u8, ""u8),
        new("via"u8, ""u8),
        new("www-authenticate"u8, ""u8),
    ];

    public static ReadOnlySpan<byte> Name(int index) => Entries[index].Name;

    public static ReadOnlySpan<byte> Value(int index) => Entries[index].Value;

    /// <summary>Both in one piece, the name first.</summary>
    public static ReadOnlySpan<byte> NameAndValue(int index, out int nameLength)
    {
        ref readonly var entry = ref Entries[index];
        nameLength = entry.Name.Length;
        return entry.NameAndValue;
    }

    /// <summary>The entry with that value among those named as entry <paramref name="firstOfName"/>, or 0.</summary>
    public static int FindValue(int firstOfName, ReadOnlySpan<byte> value)
    {
        var entries = Entries;
        var name = entries[firstOfName].Name;
        for (var i = firstOfName; i < entries.Length; i++)
        {
            if (entries[i].Value.AsSpan().SequenceEqual(value))
            {
                return i;
            }

            // Most names stand alone; the neighbour's length nearly always differs.
            if (i + 1 == entries.Length || !entries[i + 1].Name.AsSpan().SequenceEqual(name))
            {
                break;
            }
        }

        return 0;
    }

    private readonly struct Entry
    {
        public Entry(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            Name = name.ToArray();
            Value = value.ToArray();
            NameAndValue = [.. name, .. value];
        }

        public byte[] Name { get; }

        public byte[] Value { get; }

        public byte[] NameAndValue { get; }
    }
}
