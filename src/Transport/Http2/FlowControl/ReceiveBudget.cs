namespace FastSidecar.Transport.Http2.FlowControl;

/// <summary>
/// A cap on the bytes that all connections together hold for streams whose readers are slow: received and not yet looked at. What a reader
/// has looked at and left is its own affair, with limits of its own.
/// </summary>
/// <remarks>
/// <para>
/// Below the cap a connection's window is credited when bytes arrive, so that a slow stream cannot stop its neighbours; above it when they
/// are read, so that the process holds at most the cap and one connection window for each connection. The price is paid by neighbours on
/// the connections of the slow streams alone. From a quarter of the cap on, streams get the smallest window again as they read, so that
/// many more of them fit below it.
/// </para>
/// <para>
/// Credit follows what was looked at, not what was consumed: a reader that waits for the rest of a large message would wait for ever.
/// </para>
/// </remarks>
public sealed class ReceiveBudget
{
    private readonly long _capBytes;
    private long _heldBytes;

    public ReceiveBudget(long capBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capBytes);
        _capBytes = capBytes;
    }

    /// <summary>Bytes received and not yet looked at, now.</summary>
    public long HeldBytes => Interlocked.Read(ref _heldBytes);

    /// <summary>Windows must not grow any more.</summary>
    internal bool IsTight => HeldBytes > _capBytes / 4;

    internal bool IsExceeded => HeldBytes > _capBytes;

    internal void Add(int bytes) => Interlocked.Add(ref _heldBytes, bytes);

    internal void Remove(long bytes) => Interlocked.Add(ref _heldBytes, -bytes);
}
