namespace FastSidecar.Invocation;

/// <summary>What a field's name means for forwarding. A name has one role at most, and besides it may be <see cref="Exact"/>.</summary>
[Flags]
internal enum HeaderRole
{
    None = 0,

    Connection = 1 << 0,
    Trailer = 1 << 1,
    TransferEncoding = 1 << 2,
    OtherHopByHop = 1 << 3,
    Host = 1 << 4,
    ContentLength = 1 << 5,
    ContentType = 1 << 6,

    /// <summary>W3C's traceparent and tracestate.</summary>
    Trace = 1 << 7,
    Baggage = 1 << 8,
    UserAgent = 1 << 9,
    Pragma = 1 << 10,

    /// <summary>Forwarded and those of its predecessors that the calling sidecar adds.</summary>
    Forwarding = 1 << 11,
    CallerAppId = 1 << 12,
    CallerNamespace = 1 << 13,
    CalleeAppId = 1 << 14,
    DestinationAppId = 1 << 15,
    DaprAppId = 1 << 16,
    DaprApiToken = 1 << 17,

    /// <summary>gRPC's binary metadata; it never becomes an HTTP header.</summary>
    Binary = 1 << 18,

    /// <summary>Begins with <c>grpc-</c>.</summary>
    ReservedByGrpc = 1 << 19,

    /// <summary>HTTP/2's <c>:authority</c> and its like.</summary>
    Pseudo = 1 << 20,

    /// <summary>The three below travel like any other field; the API only has to know whether there is one.</summary>
    Accept = 1 << 21,
    Authorization = 1 << 22,
    Expect = 1 << 23,

    /// <summary>
    /// Spelt as it usually is: in lower case for the names of <see cref="Dapr"/>, in Go's canonical spelling for the others.
    /// </summary>
    Exact = 1 << 30,

    /// <summary>
    /// Concerns one connection only, as Dapr lists them (RFC 9110 §7.6.1; Dapr <c>pkg/messaging/v1/util.go</c> IsHopByHopHeader).
    /// </summary>
    HopByHop = Connection | Trailer | TransferEncoding | OtherHopByHop,

    /// <summary>The three that tell an app who calls it.</summary>
    CallerIdentity = CallerAppId | CallerNamespace | CalleeAppId,

    /// <summary>The calling sidecar adds a field of that name.</summary>
    AddedBySidecar = CallerIdentity | Forwarding,

    /// <summary>Dapr's own names, which sidecars write in lower case.</summary>
    Dapr = CallerIdentity | DestinationAppId | DaprAppId | DaprApiToken,

    /// <summary>What never becomes a header of an HTTP message on the far side, or does so by other means.</summary>
    KeptFromHttp = HopByHop | Trace | ContentType | ContentLength | DestinationAppId | Binary,
}
