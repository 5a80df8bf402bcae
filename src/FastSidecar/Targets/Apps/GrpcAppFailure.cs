using System.IO.Pipelines;
using FastSidecar.Invocation;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Targets.Apps;

/// <summary>A gRPC app's failure: not an error of the call but its answer, a code and a message without a body.</summary>
internal sealed class GrpcAppFailure : InvokeResponse
{
    private readonly PipeReader _body = PipeReader.Create(System.Buffers.ReadOnlySequence<byte>.Empty);

    public GrpcAppFailure(GrpcStatusCode code, string message)
    {
        Status = (int)code;
        IsGrpcStatus = true;
        StatusMessage = message;
    }

    public override HeaderList Headers { get; } = new();

    public override ReadOnlySpan<byte> ContentType => "application/json"u8;

    public override PipeReader Body => _body;

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
