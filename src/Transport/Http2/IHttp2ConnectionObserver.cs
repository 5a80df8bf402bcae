namespace FastSidecar.Transport.Http2;

/// <summary>Hears of a client connection's changes outside of its lock; what is true now must be asked.</summary>
internal interface IHttp2ConnectionObserver
{
    /// <summary>Someone waits for a stream to end. Read under the connection's lock: it must take none.</summary>
    bool WantsSlots { get; }

    /// <summary>The peer changed its limit, said GOAWAY, or the connection ended; or streams have ended while that was wanted.</summary>
    void OnConnectionChanged();
}
