namespace FastSidecar.Invocation;

/// <summary>Somewhere a request may go: a peer sidecar, the own app, an external endpoint.</summary>
internal interface ITarget
{
    /// <summary>
    /// Sends the request once and returns as soon as the response head is in, which may be before the request body was read to its end. The
    /// caller disposes the response; a failure holds no resources.
    /// <paramref name="cancellationToken"/> means the client went away: it also covers the response
    /// body.
    /// </summary>
    ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken);
}
