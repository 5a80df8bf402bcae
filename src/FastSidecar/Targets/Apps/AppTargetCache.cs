using FastSidecar.Invocation;
using FastSidecar.Transport.Buffers;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// Request targets that were built before, by method and query. Direct-mapped and bounded; reads and writes race harmlessly, since an entry
/// is immutable and compared in full.
/// </summary>
internal sealed class AppTargetCache(byte[] baseUrl)
{
    /// <summary>Entries; a sidecar's app rarely has more distinct targets that repeat.</summary>
    private const int Slots = 1024;

    /// <summary>Longer targets are built each time: the table stays below 1 MiB.</summary>
    private const int LongestKept = 512;

    private readonly Entry?[] _entries = new Entry?[Slots];

    /// <summary>A built target, or why Go's URL parser would refuse it.</summary>
    internal sealed record Entry(byte[] Method, byte[] Query, byte[] Target, string? Error);

    public Entry Get(ReadOnlySpan<byte> method, ReadOnlySpan<byte> query)
    {
        var hash = new HashCode();
        hash.AddBytes(method);
        hash.AddBytes(query);
        ref var slot = ref _entries[hash.ToHashCode() & (Slots - 1)];
        var entry = Volatile.Read(ref slot);
        if (entry is not null && method.SequenceEqual(entry.Method) && query.SequenceEqual(entry.Query))
        {
            return entry;
        }

        using var target = new PooledBufferWriter();
        var error = AppTarget.Build(method, query, baseUrl, target);
        entry = new Entry(method.ToArray(), query.ToArray(), target.WrittenSpan.ToArray(), error);
        if (method.Length + query.Length <= LongestKept)
        {
            Volatile.Write(ref slot, entry);
        }

        return entry;
    }
}
