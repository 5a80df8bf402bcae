using System.Text;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Api.Grpc;

/// <summary><c>Dapr/Shutdown</c>: answers at once, the stop follows (dapr pkg/api/universal/shutdown.go v1.18.3).</summary>
/// <param name="requestShutdown">Starts the stop; true = forced, without grace.</param>
internal sealed class ShutdownMethod(Action<bool> requestShutdown) : UnaryMethod
{
    private static ReadOnlySpan<byte> ForceHeader => "dapr-force-shutdown"u8;

    protected override void Handle(GrpcCall call, ReadOnlySpan<byte> request)
    {
        _ = MessageFields.Bytes(request, 1);
        var force = call.Headers.TryGet(ForceHeader, out var value) && Ascii.EqualsIgnoreCase(value, "true"u8);
        call.Reply(new MessageBuilder());
        requestShutdown(force);
    }
}

/// <summary>
/// <c>TaskHubSidecarService/Hello</c>, by which clients of Dapr's workflows find out that somebody is there (microsoft/durabletask-protobuf,
/// orchestrator_service.proto). Nothing else of that service is served.
/// </summary>
internal sealed class HelloMethod : UnaryMethod
{
    protected override void Handle(GrpcCall call, ReadOnlySpan<byte> request)
    {
        _ = MessageFields.Bytes(request, 1);
        call.Reply(new MessageBuilder());
    }
}
