using System.Text;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// Domain names in wire form: length-prefixed labels ending in an empty one, never compressed (RFC 1035 §3.1). Compared byte by byte: Dapr's responders
/// and browsers are case-sensitive, unlike RFC 6762 §16.
/// </summary>
internal static class DnsName
{
    /// <summary>Longest name in wire form, its final zero included.</summary>
    public const int MaxBytes = 255;

    private const int MaxLabelBytes = 63;

    /// <summary>
    /// The wire form of dotted <paramref name="text"/>, with or without a final dot. Every dot ends a label: nothing is escaped, as in Dapr. False when a
    /// label is empty or longer than 63 bytes, or the name is too long.
    /// </summary>
    public static bool TryFromText(string text, out byte[] wire)
    {
        wire = [];
        Span<byte> buffer = stackalloc byte[MaxBytes];
        var length = 0;
        foreach (var range in text.AsSpan().TrimEnd('.').Split('.'))
        {
            var label = text.AsSpan()[range];
            var bytes = Encoding.UTF8.GetByteCount(label);
            if (bytes is 0 or > MaxLabelBytes || length + 1 + bytes + 1 > MaxBytes)
            {
                return false;
            }

            buffer[length++] = (byte)bytes;
            length += Encoding.UTF8.GetBytes(label, buffer[length..]);
        }

        buffer[length++] = 0;
        wire = buffer[..length].ToArray();
        return true;
    }

    /// <summary>Whether <paramref name="name"/> is <paramref name="suffix"/> with at least one label before it. Looks at whole labels only.</summary>
    public static bool IsBelow(ReadOnlySpan<byte> name, ReadOnlySpan<byte> suffix)
    {
        var start = 0;
        while (start < name.Length && name[start] != 0)
        {
            start += 1 + name[start];
            if (name.Length - start <= suffix.Length)
            {
                return name[start..].SequenceEqual(suffix);
            }
        }

        return false;
    }
}
