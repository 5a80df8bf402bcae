namespace FastSidecar.Invocation;

/// <summary>
/// Go's <c>path.Clean</c> on bytes: the shortest path with the same meaning. Dapr applies it to methods and to routing paths, so it has to
/// agree with Go byte for byte (Go <c>path/path.go</c>).
/// </summary>
internal static class GoPath
{
    /// <summary>
    /// Writes the cleaned path to <paramref name="output"/>, which must be as long as <paramref name="path"/> and at least one byte, and
    /// returns its length. An empty result is written as <c>.</c>. Input and output may not overlap.
    /// </summary>
    public static int Clean(ReadOnlySpan<byte> path, Span<byte> output)
    {
        var rooted = path.Length > 0 && path[0] == '/';
        var length = 0;
        if (rooted)
        {
            output[length++] = (byte)'/';
        }

        // Below this length nothing is taken back: the root, or the leading ".." elements of a relative path.
        var floor = length;
        while (!path.IsEmpty)
        {
            var end = path.IndexOf((byte)'/');
            var element = end < 0 ? path : path[..end];
            path = end < 0 ? default : path[(end + 1)..];

            if (element.IsEmpty || element.SequenceEqual("."u8))
            {
                continue;
            }

            if (element.SequenceEqual(".."u8))
            {
                if (length > floor)
                {
                    length = Parent(output[..length], floor);
                }
                else if (!rooted)
                {
                    length = Append(output, length, element, floor: 0);
                    floor = length;
                }

                continue;
            }

            length = Append(output, length, element, rooted ? 1 : 0);
        }

        if (length == 0)
        {
            output[length++] = (byte)'.';
        }

        return length;
    }

    /// <summary>Whether <see cref="Clean"/> would give the same bytes back.</summary>
    public static bool IsClean(ReadOnlySpan<byte> path)
    {
        if (path.IsEmpty)
        {
            return false;
        }

        // Doubles, dot elements and a trailing slash are all that Clean changes; leading ".." elements are looked at by running it.
        if (path.IndexOf("//"u8) < 0 && path.IndexOf("/."u8) < 0 && path[0] != '.' && (path.Length == 1 || path[^1] != '/'))
        {
            return true;
        }

        Span<byte> small = stackalloc byte[256];
        var cleaned = path.Length <= small.Length ? small : new byte[path.Length];
        return cleaned[..Clean(path, cleaned)].SequenceEqual(path);
    }

    private static int Append(Span<byte> output, int length, ReadOnlySpan<byte> element, int floor)
    {
        if (length > floor)
        {
            output[length++] = (byte)'/';
        }

        element.CopyTo(output[length..]);
        return length + element.Length;
    }

    private static int Parent(ReadOnlySpan<byte> path, int floor)
    {
        var slash = path[floor..].LastIndexOf((byte)'/');
        return slash < 0 ? floor : floor + slash;
    }
}
