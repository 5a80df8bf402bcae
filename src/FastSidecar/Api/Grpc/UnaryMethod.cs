using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;

namespace FastSidecar.Api.Grpc;

/// <summary>A method whose request is one message, and whose answer needs no waiting.</summary>
internal abstract class UnaryMethod : IGrpcMethod
{
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    public async ValueTask RunAsync(GrpcCall call)
    {
        await call.ReadUnaryAsync();
        Handle(call, call.Message.Span);
    }

    /// <summary>Answers.</summary>
    /// <exception cref="Protocol.Protobuf.ProtobufException">The request cannot be parsed; nothing was answered.</exception>
    protected abstract void Handle(GrpcCall call, ReadOnlySpan<byte> request);
}
