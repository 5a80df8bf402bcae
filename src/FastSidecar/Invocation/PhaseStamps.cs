namespace FastSidecar.Invocation;

/// <summary>
/// When a request passed the places that latency is charged to, as <see cref="TimeProvider.GetTimestamp"/> ticks; 0 = not passed. Filled at
/// the edge and at a target; metrics and traces read it, nothing else does.
/// </summary>
internal struct PhaseStamps
{
    /// <summary>The head was parsed at the edge.</summary>
    public long Received;

    /// <summary>A stream or connection to the target was at hand.</summary>
    public long TargetReady;

    /// <summary>The target's response head was in.</summary>
    public long ResponseHead;

    /// <summary>The response was complete, or given up.</summary>
    public long Ended;
}
