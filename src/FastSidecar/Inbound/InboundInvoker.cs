using System.Runtime.CompilerServices;
using FastSidecar.AccessControl;
using FastSidecar.Invocation;
using FastSidecar.Transport.Async;

namespace FastSidecar.Inbound;

/// <summary>The way of a request from another sidecar to our app: normal form of the method, access decision, app.</summary>
/// <param name="app">Our app; null without one.</param>
/// <param name="access">Who may call what.</param>
internal sealed class InboundInvoker(ITarget? app, AccessPolicy access)
{
    public bool HasApp => app is not null;

    /// <summary>Invokes. The caller disposes the response; a failure is a value in the form the calling sidecar is told.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (app is null)
        {
            return ErrorTable.AppChannelMissing;
        }

        if (NormalizedMethod.Apply(request) is { } invalid)
        {
            return invalid;
        }

        if (access.Denial(request.Caller, request.Method.Span, request.Verb) is { } denied)
        {
            return denied;
        }

        var result = await app.InvokeAsync(request, cancellationToken);
        return result.Failed ? ErrorTable.AppChannelFailed(result.Error) : result;
    }
}
