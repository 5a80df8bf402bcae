namespace FastSidecar.Transport.Http2.FlowControl;

/// <summary>
/// A cap on the bytes that all connections together hold for streams whose readers are slow. Below it a connection's window is credited
/// when bytes arrive, so that one slow stream cannot stop its neighbours; above it when they are consumed, so that the whole process holds
/// at most the cap plus one connection window for each connection.
/// </summary>
public sealed class ReceiveBudget
{
    private readonly long _capBytes;
    private long _heldBytes;

    public ReceiveBudget(long capBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(capBytes);
        _capBytes = capBytes;
    }

    /// <summary>Bytes received and not yet consumed, now.</summary>
    public long HeldBytes => Interlocked.Read(ref _heldBytes);

    internal bool IsExceeded => HeldBytes > _capBytes;

    internal void Add(int bytes) => Interlocked.Add(ref _heldBytes, bytes);

    internal void Remove(long bytes) => Interlocked.Add(ref _heldBytes, -bytes);
}
