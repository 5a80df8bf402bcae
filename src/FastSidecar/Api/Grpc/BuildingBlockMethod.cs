using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Api.Grpc;

/// <summary>One method of a building block that is not configured: checks what Dapr checks before it finds that out, and says so.</summary>
internal sealed class BuildingBlockMethod(BuildingBlock block, GrpcApiOptions options) : IGrpcMethod
{
    private static readonly BuildingBlock NoRequest = new(
        GrpcStatusCode.Internal, "cardinality violation: received no request message from non-client-streaming RPC");

    private static readonly BuildingBlock NoFirstChunk = new(
        GrpcStatusCode.Internal, "failed to perform operation: error receiving the first message: EOF");

    public async ValueTask RunAsync(GrpcCall call)
    {
        if (!block.IsStream)
        {
            await call.ReadUnaryAsync();
        }
        else if (!await call.ReadAsync())
        {
            Fail(call, block.Check switch
            {
                BlockCheck.Subscribe => Plain(GrpcStatusCode.Unknown, "EOF"),
                BlockCheck.Subscription => NoRequest,
                _ => NoFirstChunk,
            }, "");
            return;
        }

        Answer(call, call.Message.Span);
    }

    private void Answer(GrpcCall call, ReadOnlySpan<byte> request)
    {
        switch (block.Check)
        {
            case BlockCheck.Unsubscribe:
                var id = MessageFields.Text(request, 2);
                call.Reply(new MessageBuilder().Text(2, $"failed to unsubscribe to configuration request {id}: subscription does not exist"));
                break;
            case BlockCheck.PubSub when MessageFields.Text(request, 1).Length == 0:
                const string Empty = "pubsub name is empty";
                call.Fail(
                    GrpcStatusCode.InvalidArgument,
                    Empty,
                    [.. RpcStatus.ResourceInfo("pubsub", "", Empty), .. RpcStatus.ErrorInfo("DAPR_PUBSUB_NAME_EMPTY")]);
                break;
            default:
                Fail(call, Checked(request) ?? block, NameIn(request));
                break;
        }
    }

    /// <summary>The component's name; of a subscription it stands in the first message's only field.</summary>
    private string NameIn(ReadOnlySpan<byte> request) =>
        MessageFields.Text(block.Check == BlockCheck.Subscribe ? MessageFields.Bytes(request, 1) : request, 1);

    /// <summary>The error that comes first; null when there is none.</summary>
    private BuildingBlock? Checked(ReadOnlySpan<byte> request) => block.Check switch
    {
        BlockCheck.Binding when MessageFields.Text(request, 4).Length == 0 =>
            block with { Message = "error invoking output binding {0}: operation field is missing from request" },
        BlockCheck.Lock when (int)MessageFields.Number(request, 4) <= 0 =>
            Plain(GrpcStatusCode.InvalidArgument, "ExpiryInSeconds is not positive in lock store {0}"),
        BlockCheck.JobName when MessageFields.Text(request, 1).Length == 0 => Missing("Name", "DAPR_SCHEDULER_JOB_NAME_EMPTY"),
        BlockCheck.Job => CheckedJob(request),
        BlockCheck.Decrypt or BlockCheck.Encrypt => CheckedOptions(request),
        BlockCheck.Subscribe => CheckedSubscription(request),
        _ => null,
    };

    private static BuildingBlock? CheckedJob(ReadOnlySpan<byte> request)
    {
        if (!MessageFields.TryGet(request, 1, out var job))
        {
            return Missing("Job", "DAPR_SCHEDULER_EMPTY");
        }

        if (MessageFields.Text(job, 1).Length == 0)
        {
            return Missing("Name", "DAPR_SCHEDULER_JOB_NAME_EMPTY");
        }

        const int Schedule = 2;
        const int DueTime = 4;
        return MessageFields.TryGet(job, Schedule, out _) || MessageFields.TryGet(job, DueTime, out _)
            ? null
            : Missing("Schedule", "DAPR_SCHEDULER_SCHEDULE_EMPTY");
    }

    private BuildingBlock? CheckedOptions(ReadOnlySpan<byte> request)
    {
        const int KeyName = 2;
        const int KeyWrapAlgorithm = 3;
        var problem = !MessageFields.TryGet(request, 1, out var crypto) ? "first message does not contain the required options"
            : block.Check == BlockCheck.Decrypt ? null
            : MessageFields.Text(crypto, KeyName).Length == 0 ? "missing property 'keyName' in the options message"
            : MessageFields.Text(crypto, KeyWrapAlgorithm).Length == 0 ? "missing property 'keyWrapAlgorithm' in the options message"
            : null;
        return problem is null ? null : Plain(GrpcStatusCode.InvalidArgument, "invalid request: " + problem);
    }

    private static BuildingBlock? CheckedSubscription(ReadOnlySpan<byte> request)
    {
        var problem = !MessageFields.TryGet(request, 1, out var initial) ? "initial request is required"
            : MessageFields.Text(initial, 1).Length == 0 ? "pubsubName is required"
            : MessageFields.Text(initial, 2).Length == 0 ? "topic is required"
            : null;
        return problem is null ? null : Plain(GrpcStatusCode.Unknown, problem);
    }

    private static BuildingBlock Plain(GrpcStatusCode code, string message) => new(code, message);

    private static BuildingBlock Missing(string what, string reason) =>
        new(GrpcStatusCode.InvalidArgument, $"{what} is empty", reason, SaysApp: true);

    private void Fail(GrpcCall call, BuildingBlock error, string name)
    {
        byte[] details = error.Reason is not { } reason ? []
            : error.SaysApp ? RpcStatus.ErrorInfo(reason, "appID", options.AppId, "namespace", options.Namespace)
            : RpcStatus.ErrorInfo(reason);
        call.Fail(error.Code, error.Message.Replace("{0}", name, StringComparison.Ordinal), details);
    }
}
