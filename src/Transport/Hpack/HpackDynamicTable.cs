using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// The dynamic table (RFC 7541 §2.3.2, §4): first in, first out, bounded by its size in bytes. Entries are known by their insertion number,
/// which never changes; the wire's index counts back from the newest.
/// </summary>
/// <remarks>
/// The bytes of all live entries lie in one run [_start, _end) of an array that is at most twice the table's size. Inserting appends; when
/// the end of the array is reached the run moves to its front. It moves at most the table's size after at least as many bytes were
/// appended, so the cost per byte is constant, and no entry is ever split as it would be in a plain ring.
/// </remarks>
internal sealed class HpackDynamicTable
{
    /// <summary>What an entry counts beside its bytes (RFC 7541 §4.1).</summary>
    public const int EntryOverheadBytes = 32;

    private const int InitialBytes = 512;
    private const int InitialEntries = 16;

    private byte[] _bytes = [];
    private int _start;
    private int _end;
    private Entry[] _entries = []; // a ring: entry n is at n & (length - 1)
    private int _count;
    private long _newest;
    private int _sizeBytes;

    private record struct Entry(int Start, int NameLength, int ValueLength);

    public HpackDynamicTable(int maxBytes)
    {
        MaxBytes = maxBytes;
    }

    /// <summary>How large the table may be now, counted as RFC 7541 §4.1 counts.</summary>
    public int MaxBytes { get; private set; }

    public int SizeBytes => _sizeBytes;

    public int Count => _count;

    /// <summary>The insertion number of the newest entry; 0 before the first.</summary>
    public long Newest => _newest;

    /// <summary>Changes with everything that may change what an index stands for.</summary>
    public long Version { get; private set; }

    public bool IsLive(long number) => (ulong)(_newest - number) < (ulong)_count;

    public ReadOnlySpan<byte> Name(long number) => NameAndValue(number, out var nameLength)[..nameLength];

    public ReadOnlySpan<byte> Value(long number) => NameAndValue(number, out var nameLength)[nameLength..];

    /// <summary>Both in one piece, the name first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> NameAndValue(long number, out int nameLength)
    {
        ref readonly var entry = ref EntryAt(number);
        nameLength = entry.NameLength;
        return _bytes.AsSpan(entry.Start, entry.NameLength + entry.ValueLength);
    }

    /// <summary>
    /// Evicts what must go and adds the entry. An entry larger than the whole table empties it and is not added, which is no error (RFC
    /// 7541 §4.4). The spans must not point into this table: eviction may move its bytes.
    /// </summary>
    public bool Insert(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Version++;
        var bytes = (long)name.Length + value.Length;
        var size = bytes + EntryOverheadBytes;
        if (size > MaxBytes)
        {
            EvictTo(0);
            return false;
        }

        EvictTo(MaxBytes - (int)size);
        MakeRoom((int)bytes);
        _newest++;
        _count++;
        _entries[_newest & (_entries.Length - 1)] = new Entry(_end, name.Length, value.Length);
        name.CopyTo(_bytes.AsSpan(_end));
        value.CopyTo(_bytes.AsSpan(_end + name.Length));
        _end += (int)bytes;
        _sizeBytes += (int)size;
        return true;
    }

    /// <summary>Changes the size limit and evicts what no longer fits (RFC 7541 §4.3).</summary>
    public void Resize(int maxBytes)
    {
        Version++;
        MaxBytes = maxBytes;
        EvictTo(maxBytes);
    }

    private void EvictTo(int sizeBytes)
    {
        while (_sizeBytes > sizeBytes)
        {
            var oldest = EntryAt(_newest - _count + 1);
            var bytes = oldest.NameLength + oldest.ValueLength;
            Debug.Assert(oldest.Start == _start, "live bytes lie in insertion order without gaps");
            _start += bytes;
            _sizeBytes -= bytes + EntryOverheadBytes;
            _count--;
        }

        if (_count == 0)
        {
            Debug.Assert(_sizeBytes == 0, "an empty table has no size");
            _start = _end = 0;
        }
    }

    private void MakeRoom(int bytes)
    {
        if (_count == _entries.Length)
        {
            GrowEntries();
        }

        if (_bytes.Length - _end >= bytes)
        {
            return;
        }

        var live = _end - _start;
        var target = _bytes;
        if (live + bytes > _bytes.Length / 2)
        {
            // Both are at most MaxBytes, so the array stops growing at twice that.
            target = new byte[Math.Max(InitialBytes, (live + bytes) * 2)];
        }

        _bytes.AsSpan(_start, live).CopyTo(target);
        for (var number = _newest - _count + 1; number <= _newest; number++)
        {
            _entries[number & (_entries.Length - 1)].Start -= _start;
        }

        _bytes = target;
        _start = 0;
        _end = live;
    }

    private void GrowEntries()
    {
        var grown = new Entry[Math.Max(InitialEntries, _entries.Length * 2)];
        for (var number = _newest - _count + 1; number <= _newest; number++)
        {
            grown[number & (grown.Length - 1)] = _entries[number & (_entries.Length - 1)];
        }

        _entries = grown;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref readonly Entry EntryAt(long number)
    {
        Debug.Assert(IsLive(number), "an entry is asked for that was evicted or never inserted");
        return ref _entries[number & (_entries.Length - 1)];
    }
}
