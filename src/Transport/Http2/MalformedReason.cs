namespace FastSidecar.Transport.Http2;

/// <summary>What is wrong with a header list (RFC 9113 §8.1.1).</summary>
public enum MalformedReason
{
    None,

    /// <summary>An upper-case letter or a character that no field name has (§8.2.1).</summary>
    FieldName,

    /// <summary>NUL, CR or LF in a value (§8.2.1).</summary>
    FieldValue,

    /// <summary>connection, keep-alive, proxy-connection, transfer-encoding or upgrade, or a te other than "trailers" (§8.2.2).</summary>
    ConnectionSpecificField,

    /// <summary>
    /// A pseudo-header that is unknown, repeated, empty where it may not be, behind ordinary fields or in trailers (§8.3).
    /// </summary>
    PseudoHeader,

    /// <summary>A pseudo-header that must be there is missing (§8.3.1, §8.3.2).</summary>
    MissingPseudoHeader,

    /// <summary>content-length is no number, or there are two that differ (§8.1.1).</summary>
    ContentLength,

    /// <summary>Longer than <see cref="Http2Options.MaxHeaderListBytes"/>; the fields before that point are there.</summary>
    TooLarge,
}

/// <summary>What a server does with a malformed request head.</summary>
public enum MalformedRequestHandling
{
    /// <summary>RST_STREAM PROTOCOL_ERROR; the handler never sees it.</summary>
    Reset,

    /// <summary>The handler gets the stream and answers according to <see cref="Http2Stream.MalformedReason"/>.</summary>
    Expose,
}
