using System.Text;

namespace FastSidecar.Api.Http;

/// <summary>
/// Strings for header bytes, remembered: Kestrel's response headers are strings, and a sidecar sees the same few names and values again and
/// again.
/// One table per thread, direct-mapped; a slot is overwritten by the next text that falls on it.
/// </summary>
internal static class HeaderText
{
    /// <summary>Slots of a table; at most 64 KiB of strings of <see cref="LongestKept"/>.</summary>
    private const int Slots = 512;

    /// <summary>Longer texts are rarely repeated and not worth keeping.</summary>
    private const int LongestKept = 64;

    [ThreadStatic]
    private static string?[]? _table;

    /// <summary>The bytes as Latin-1, which keeps every byte as one character.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return "";
        }

        if (bytes.Length > LongestKept)
        {
            return Encoding.Latin1.GetString(bytes);
        }

        var table = _table ??= new string?[Slots];
        ref var slot = ref table[Hash(bytes) & (Slots - 1)];
        if (slot is { } known && Matches(known, bytes))
        {
            return known;
        }

        return slot = Encoding.Latin1.GetString(bytes);
    }

    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        var hash = 2166136261u;
        foreach (var b in bytes)
        {
            hash = (hash ^ b) * 16777619u;
        }

        return hash ^ (hash >> 15);
    }

    private static bool Matches(string text, ReadOnlySpan<byte> bytes)
    {
        if (text.Length != bytes.Length)
        {
            return false;
        }

        for (var i = 0; i < bytes.Length; i++)
        {
            if (text[i] != bytes[i])
            {
                return false;
            }
        }

        return true;
    }
}
