namespace FastSidecar.Transport.Sockets;

/// <summary>A connection that several flows share: what they ready and write during a <see cref="Turn"/> is run and sent at its end.</summary>
internal interface ITurnMember
{
    /// <summary>Something is ready to run.</summary>
    bool HasReady { get; }

    /// <summary>A flush would send something.</summary>
    bool IsFlushDue { get; }

    /// <summary>Runs what is ready. Nothing of it may block.</summary>
    void RunReady();

    /// <summary>Sends what is due; does not wait for its end.</summary>
    void Flush();
}
