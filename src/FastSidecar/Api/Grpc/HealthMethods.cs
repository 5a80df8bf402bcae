using FastSidecar.Invocation;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Api.Grpc;

/// <summary>grpc.health.v1.HealthCheckResponse.ServingStatus.</summary>
internal enum ServingStatus
{
    Serving = 1,
    NotServing = 2,
    ServiceUnknown = 3,
}

/// <summary>
/// How the services of this port are (grpc/grpc doc/health-checking.md). Dapr has no such service: ours, for clients that ask before they
/// call. All is well when <c>/v1.0/healthz</c> says so.
/// </summary>
internal sealed class ServingHealth(Readiness readiness)
{
    /// <summary>Services that are there; the empty name is the server.</summary>
    public static readonly string[] Services = ["", "dapr.proto.runtime.v1.Dapr"];

    public Task Changed => readiness.Changed;

    /// <summary>The server is ready for calls.</summary>
    public bool IsReady => readiness.IsReady;

    public ServingStatus Of(string service) => !Services.Contains(service) ? ServingStatus.ServiceUnknown
        : readiness.IsReady ? ServingStatus.Serving
        : ServingStatus.NotServing;
}

/// <summary><c>grpc.health.v1.Health/Check</c>.</summary>
internal sealed class HealthCheckMethod(ServingHealth health) : UnaryMethod
{
    protected override void Handle(GrpcCall call, ReadOnlySpan<byte> request)
    {
        var status = health.Of(MessageFields.Text(request, 1));
        if (status == ServingStatus.ServiceUnknown)
        {
            call.Fail(GrpcStatusCode.NotFound, "unknown service");
            return;
        }

        call.Reply(new MessageBuilder().Number(1, (int)status));
    }
}

/// <summary><c>grpc.health.v1.Health/List</c>: all of them at once.</summary>
internal sealed class HealthListMethod(ServingHealth health) : UnaryMethod
{
    protected override void Handle(GrpcCall call, ReadOnlySpan<byte> request)
    {
        _ = MessageFields.Bytes(request, 1);
        var list = new MessageBuilder();
        foreach (var service in ServingHealth.Services)
        {
            list.Entry(1, service, new MessageBuilder().Number(1, (int)health.Of(service)).Span);
        }

        call.Reply(list);
    }
}

/// <summary><c>grpc.health.v1.Health/Watch</c>: the status now, and again whenever it is another one, until the caller goes.</summary>
internal sealed class HealthWatchMethod(ServingHealth health) : IGrpcMethod
{
    public async ValueTask RunAsync(GrpcCall call)
    {
        if (!await call.ReadAsync())
        {
            call.Fail(GrpcStatusCode.Internal, "cardinality violation: received no request message from non-client-streaming RPC");
            return;
        }

        var service = MessageFields.Text(call.Message.Span, 1);
        call.WriteHead();
        var told = (ServingStatus)0;
        var wasReady = false;
        while (true)
        {
            // Before the status is looked at: a change in between is then seen.
            var changed = health.Changed;
            var status = health.Of(service);
            if (status != told)
            {
                told = status;
                call.Write(new MessageBuilder().Number(1, (int)status));
                call.Flush();
            }

            if (wasReady && !health.IsReady)
            {
                // A server that is about to stop waits for its calls to end.
                call.Fail(GrpcStatusCode.Unavailable, "the sidecar is shutting down");
                return;
            }

            wasReady = health.IsReady;
            await changed.WaitAsync(call.Abandoned);
        }
    }
}
