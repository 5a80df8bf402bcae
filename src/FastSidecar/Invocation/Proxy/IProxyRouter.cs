namespace FastSidecar.Invocation.Proxy;

/// <summary>The way of proxied calls behind one port: which app is meant, whether it may be called, and where it is.</summary>
internal interface IProxyRouter : ITarget
{
    /// <summary>
    /// What becomes of a call that failed: perhaps another try, while nothing of its messages has left. Not a part of
    /// <see cref="ITarget.InvokeAsync"/>, because it would be one more suspended call for each one that does not fail.
    /// </summary>
    ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, InvokeError failure, CancellationToken cancellationToken);
}
