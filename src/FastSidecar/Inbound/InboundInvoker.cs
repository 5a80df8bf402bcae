using FastSidecar.AccessControl;
using FastSidecar.Invocation;

namespace FastSidecar.Inbound;

/// <summary>The way of a request from another sidecar to our app: normal form of the method, access decision, app.</summary>
/// <param name="app">Our app; null without one.</param>
/// <param name="access">Who may call what.</param>
internal sealed class InboundInvoker(ITarget? app, AccessPolicy access)
{
    public bool HasApp => app is not null;

    /// <summary>
    /// Invokes. Returns a refusal, in the form the calling sidecar is told; or null, and the app's <paramref name="answer"/> is to be awaited. Not
    /// async itself: every call is suspended here until the app answers, and a layer that only passes that on costs it 700 instructions.
    /// </summary>
    /// <param name="request">What is asked.</param>
    /// <param name="cancellationToken">The caller is gone.</param>
    /// <param name="answer">
    /// The caller disposes the response. A failure is told as <see cref="ErrorTable.AppChannelFailed"/>.
    /// </param>
    public InvokeError? Invoke(InvokeRequest request, CancellationToken cancellationToken, out ValueTask<InvokeResult> answer)
    {
        answer = default;
        if (app is null)
        {
            return ErrorTable.AppChannelMissing;
        }

        if ((NormalizedMethod.Apply(request) ?? access.Denial(request.Caller, request.Method.Span, request.Verb)) is { } refused)
        {
            return refused;
        }

        answer = app.InvokeAsync(request, cancellationToken);
        return null;
    }
}
