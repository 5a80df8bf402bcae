using System.Collections.Concurrent;
using FastSidecar.Invocation;

namespace FastSidecar.Tests.Api;

/// <summary>Keeps how each invocation ended: the response's status, or the error's reason.</summary>
internal sealed class RecordingObserver : InvocationObserver
{
    public ConcurrentQueue<string> Ended { get; } = new();

    public override void RequestEnded(InvokeRequest request, in InvokeResult result)
    {
        var isDisposed = result.Response is FastSidecar.Tests.Invocation.ScriptedResponse { Disposals: > 0 };
        Ended.Enqueue(result.Failed ? result.Error.Reason : isDisposed ? "a response that was given back" : $"{result.Response.Status}");
    }
}
