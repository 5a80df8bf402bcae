namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Asked when a peer's bytes have ended after a whole message: on the calling side only the trailers tell whether that was a good end.
/// </summary>
internal interface IPeerStreamEnd
{
    /// <summary>
    /// Why the end is no good end (a status other than OK, no trailers); null when it is one. May be asked more than once.
    /// </summary>
    /// <param name="inBody">The head was read before, so Dapr reports the status as <see cref="PeerMessageException.Receiving"/>.</param>
    Exception? FailureAtEnd(bool inBody);
}
