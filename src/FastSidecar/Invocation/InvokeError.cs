using FastSidecar.Transport.Grpc;

namespace FastSidecar.Invocation;

/// <summary>Where a failure arose.</summary>
internal enum ErrorSide
{
    /// <summary>This sidecar: routing, resolution, limits.</summary>
    Self,

    /// <summary>The client that called us: it went away, or its body broke off.</summary>
    Client,

    /// <summary>The peer sidecar, or the way to it.</summary>
    Peer,

    /// <summary>The app.</summary>
    App,
}

/// <summary>
/// An expected failure of an invocation, as a value. <see cref="Reason"/> is what Dapr puts after "err: "; the error writers in Api
/// translate the rest for the outside.
/// </summary>
internal sealed class InvokeError
{
    public InvokeError(ErrorSide side, GrpcStatusCode? code, string text, bool maySendAgain = false)
    {
        Side = side;
        Code = code;
        Text = text;
        MaySendAgain = maySendAgain;
    }

    public ErrorSide Side { get; }

    /// <summary>The gRPC code when the failure is, or is presented as, a gRPC status; null for a plain error.</summary>
    public GrpcStatusCode? Code { get; }

    /// <summary>The message without the code.</summary>
    public string Text { get; }

    /// <summary>The same request may be sent again: the failure is one of reaching the peer (Unavailable, Unauthenticated).</summary>
    public bool MaySendAgain { get; }

    /// <summary>The peer has provably not looked at the request, whatever its method: it may be sent again at once.</summary>
    public bool NeverProcessed { get; init; }

    /// <summary>There is no connection to the address: it can be forgotten until it is seen again.</summary>
    public bool NotConnected { get; init; }

    /// <summary>What the target goes on with although its caller has gone; null for nothing. It does not fail.</summary>
    public Task? StillRunning { get; private init; }

    /// <summary>The same error, while that goes on.</summary>
    public InvokeError While(Task running) => new(Side, Code, Text, MaySendAgain) { StillRunning = running };

    /// <summary>The text as Go prints the error: a status as "rpc error: code = X desc = Y", anything else as it is.</summary>
    public string Reason => Code is { } code ? $"rpc error: code = {GrpcStatusText.NameOf(code)} desc = {Text}" : Text;
}
