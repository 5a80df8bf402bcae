using System.Buffers;

namespace FastSidecar.Transport.Buffers;

/// <summary>
/// Collects bytes in one contiguous array that grows by doubling and comes from the shared array pool. Reused by its owner: <see
/// cref="Clear"/> keeps the array, <see cref="Dispose"/> gives it back (and the writer may be used again). Not thread-safe.
/// </summary>
public sealed class PooledBufferWriter : IBufferWriter<byte>, IDisposable
{
    private const int InitialBytes = 256;

    private readonly ArrayPool<byte> _pool;
    private byte[] _array = [];
    private int _written;

    public PooledBufferWriter()
        : this(ArrayPool<byte>.Shared)
    {
    }

    internal PooledBufferWriter(ArrayPool<byte> pool)
    {
        _pool = pool;
    }

    public int WrittenCount => _written;

    /// <summary>Valid until the next change of the writer.</summary>
    public ReadOnlySpan<byte> WrittenSpan => _array.AsSpan(0, _written);

    /// <summary>Valid until the next change of the writer.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _array.AsMemory(0, _written);

    /// <summary>What was written, to be filled in later: a length in front of its content.</summary>
    public Span<byte> Patch(int start, int length) => _array.AsSpan(0, _written).Slice(start, length);

    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_array.Length - _written), nameof(count));
        _written += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsMemory(_written);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _array.AsSpan(_written);
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        _written += bytes.Length;
    }

    /// <summary>Forgets what was written.</summary>
    public void Clear() => _written = 0;

    /// <summary>Forgets what was written beyond <paramref name="count"/> bytes.</summary>
    public void Truncate(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)_written, nameof(count));
        _written = count;
    }

    public void Dispose() => Replace([]);

    private void Reserve(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        if (_array.Length - _written >= Math.Max(sizeHint, 1))
        {
            return;
        }

        var grown = _pool.Rent(Math.Max(InitialBytes, checked(_written + Math.Max(sizeHint, _written))));
        var written = _written;
        WrittenSpan.CopyTo(grown);
        Replace(grown);
        _written = written;
    }

    private void Replace(byte[] array)
    {
        var old = _array;
        _array = array;
        _written = 0;
        if (old.Length > 0)
        {
            _pool.Return(old);
        }
    }
}
