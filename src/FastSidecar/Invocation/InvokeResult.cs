using System.Diagnostics.CodeAnalysis;

namespace FastSidecar.Invocation;

/// <summary>A response, or why there is none. Whoever holds it owns the response and disposes it.</summary>
internal readonly struct InvokeResult
{
    private InvokeResult(InvokeResponse? response, InvokeError? error)
    {
        Response = response;
        Error = error;
    }

    public InvokeResponse? Response { get; }

    public InvokeError? Error { get; }

    [MemberNotNullWhen(true, nameof(Error))]
    [MemberNotNullWhen(false, nameof(Response))]
    public bool Failed => Error is not null;

    public static implicit operator InvokeResult(InvokeResponse response) => new(response, null);

    public static implicit operator InvokeResult(InvokeError error) => new(null, error);
}
