namespace FastSidecar.Invocation;

/// <summary>
/// Hooks for metrics and traces. Called on the request path: an implementation must not block or allocate. The base class observes nothing.
/// </summary>
internal class InvocationObserver
{
    public static readonly InvocationObserver None = new();

    /// <summary>At the edge, when the response has been written or given up.</summary>
    public virtual void RequestEnded(InvokeRequest request, in InvokeResult result)
    {
    }

    /// <summary>At a target, after each attempt's response head or failure.</summary>
    public virtual void AttemptEnded(InvokeRequest request, in InvokeResult result, int attempt)
    {
    }
}
