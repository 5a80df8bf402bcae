using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// A message of the sidecar-to-sidecar wire could not be read or written. <see cref="Exception.Message"/> is the error as Go prints it,
/// which is what Dapr puts behind "err: " in its own messages.
/// </summary>
internal sealed class PeerMessageException : Exception
{
    private PeerMessageException(string message, GrpcStatusCode code, string text, bool isStatus)
        : base(message)
    {
        Code = code;
        Text = text;
        IsStatus = isStatus;
    }

    /// <summary>The gRPC status an RPC ends with when this is its outcome; Unknown for a plain error.</summary>
    public GrpcStatusCode Code { get; }

    /// <summary>The message of that status: without the "rpc error: …" that Go prints around it.</summary>
    public string Text { get; }

    /// <summary>A gRPC status error, as against a plain Go error that has no code of its own.</summary>
    public bool IsStatus { get; }

    /// <summary>A status error.</summary>
    public static PeerMessageException Status(GrpcStatusCode code, string text) =>
        new($"rpc error: code = {code} desc = {text}", code, text, isStatus: true);

    /// <summary>
    /// A status error found while the body of a stream was read: Dapr wraps it (pkg/messaging/direct_messaging.go,
    /// pkg/api/grpc/daprinternal.go), so the code counts no more for the RPC, but is kept for metrics.
    /// </summary>
    public static PeerMessageException Receiving(GrpcStatusCode code, string text) =>
        new($"error receiving message: rpc error: code = {code} desc = {text}", code, text, isStatus: false);

    public static PeerMessageException Plain(string text) => new(text, GrpcStatusCode.Unknown, text, isStatus: false);
}
