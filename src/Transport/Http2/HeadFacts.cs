namespace FastSidecar.Transport.Http2;

/// <summary>Whose rules a header list follows.</summary>
internal enum HeadKind : byte
{
    /// <summary>What we send.</summary>
    Ours,

    Request,

    /// <summary>Interim ones included.</summary>
    Response,

    Trailers,
}

/// <summary>The pseudo-headers (RFC 9113 §8.3).</summary>
[Flags]
internal enum PseudoHeaders : byte
{
    None = 0,
    Method = 1,
    Scheme = 2,
    Path = 4,
    Authority = 8,
    Protocol = 16,
    Status = 32,
}

/// <summary>What the fields of a head that <see cref="HeadRules"/> has seen say about it.</summary>
internal struct HeadFacts
{
    /// <summary>Before the first field.</summary>
    public static HeadFacts None => new() { ContentLength = -1 };

    public PseudoHeaders Seen;

    public bool IsConnect;

    /// <summary>An ordinary field has come, so no pseudo-header may.</summary>
    public bool InFields;

    /// <summary>Of a response; 0 when there was none.</summary>
    public int Status;

    /// <summary>−1 when there was none.</summary>
    public long ContentLength;
}
