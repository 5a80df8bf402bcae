using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// The few prefixes that are remembered for one direction of a connection. Those of another version of the HPACK table are never found, and
/// go first when a place is needed; then those that were not used.
/// </summary>
internal sealed class HeadPrefixes
{
    private readonly HeadPrefix[] _prefixes;
    private int _count;
    private int _next;

    /// <param name="most">How many; each one is made when it is needed.</param>
    public HeadPrefixes(int most)
    {
        _prefixes = new HeadPrefix[most];
    }

    /// <summary>The longest prefix that the block begins with.</summary>
    public HeadPrefix? Find(HeadKind kind, ReadOnlySpan<byte> block, long version)
    {
        HeadPrefix? found = null;
        foreach (var prefix in _prefixes.AsSpan(0, _count))
        {
            if (prefix.Version == version && prefix.Kind == kind && IsLonger(prefix, found) && block.StartsWith(prefix.Block))
            {
                found = prefix;
            }
        }

        return Use(found);
    }

    /// <summary>The longest prefix that the list begins with.</summary>
    public HeadPrefix? Find(HeaderList head, long version)
    {
        HeadPrefix? found = null;
        foreach (var prefix in _prefixes.AsSpan(0, _count))
        {
            if (prefix.Version == version && prefix.Run.Fields <= head.Count && IsLonger(prefix, found) && head.StartsWith(prefix.Fields))
            {
                found = prefix;
            }
        }

        return Use(found);
    }

    /// <summary>A place for a prefix of that version.</summary>
    public HeadPrefix Replace(long version)
    {
        foreach (var prefix in _prefixes.AsSpan(0, _count))
        {
            if (prefix.Version != version)
            {
                return prefix;
            }
        }

        if (_count < _prefixes.Length)
        {
            return _prefixes[_count++] = new HeadPrefix();
        }

        // Around once at most: what was used stays until the next time.
        for (; ; )
        {
            var prefix = _prefixes[_next];
            _next = (_next + 1) % _prefixes.Length;
            if (!prefix.IsUsed)
            {
                return prefix;
            }

            prefix.IsUsed = false;
        }
    }

    private static bool IsLonger(HeadPrefix prefix, HeadPrefix? other) => other is null || prefix.Run.Fields > other.Run.Fields;

    private static HeadPrefix? Use(HeadPrefix? found)
    {
        if (found is not null)
        {
            found.IsUsed = true;
        }

        return found;
    }
}
