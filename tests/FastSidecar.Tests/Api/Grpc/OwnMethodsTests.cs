using FastSidecar.Tests.Protocol;
using FastSidecar.Tests.Shared;
using FastSidecar.Tests.Wire;
using Xunit;

namespace FastSidecar.Tests.Api.Grpc;

/// <summary>Metadata, shutdown, health, and the methods of building blocks that are not configured.</summary>
public sealed class OwnMethodsTests
{
    private static readonly byte[] Empty = PeerWire.Frame(Array.Empty<byte>());

    [Fact]
    public async Task GetMetadata_SaysWhatIsKnown()
    {
        await using var edge = new GrpcEdge();
        edge.Metadata.IsInitialized = true;
        await edge.CallAsync(GrpcEdge.Dapr + "SetMetadata", new SetMetadataMessage { Key = "k", Value = "v€" });
        await edge.CallAsync(GrpcEdge.Dapr + "SetMetadata", new SetMetadataMessage { Key = "daprRuntimeVersion", Value = "x" });
        var answer = await edge.CallAsync(GrpcEdge.Dapr + "GetMetadata", Empty);

        Assert.Equal(0, answer.Code);
        Assert.True(answer.Head.ContainsKey("grpc-trace-bin"));
        var message = MetadataMessage.Parser.ParseFrom(answer.Message);
        Assert.Equal(("a", "1.18.3"), (message.Id, message.RuntimeVersion));
        Assert.Equal("v€", message.ExtendedMetadata["k"]);
        Assert.Equal("1.18.3", message.ExtendedMetadata["daprRuntimeVersion"]);
        Assert.Equal((3000, "http", "127.0.0.1", 4), (
            message.AppConnectionProperties.Port,
            message.AppConnectionProperties.Protocol,
            message.AppConnectionProperties.ChannelAddress,
            message.AppConnectionProperties.MaxConcurrency));
        Assert.Equal((1, "placement: disconnected"), (message.ActorRuntime.RuntimeStatus, message.ActorRuntime.Placement));
        Assert.NotNull(message.Workflows);
        Assert.Equal(["HotReload", "WorkflowsRemoteActivityReminder"], message.EnabledFeatures);
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("TRUE", true)]
    [InlineData("1", false)]
    public async Task Shutdown_IsAnswered_ThenAskedFor(string? force, bool expected)
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync(GrpcEdge.Dapr + "Shutdown", Empty, force is null ? [] : [("dapr-force-shutdown", force)]);

        Assert.Equal(0, answer.Code);
        Assert.Empty(answer.Message);
        Assert.Equal([expected], edge.Shutdowns);
    }

    [Fact]
    public async Task Health_FollowsReadiness()
    {
        await using var edge = new GrpcEdge();
        Assert.Equal(2, (await CheckAsync(edge, "")).Status);
        edge.Readiness.SetReady("runtime");

        Assert.Equal(1, (await CheckAsync(edge, "")).Status);
        Assert.Equal(1, (await CheckAsync(edge, "dapr.proto.runtime.v1.Dapr")).Status);
        var unknown = await edge.CallAsync("/grpc.health.v1.Health/Check", new NamedRequest { F1 = "x" });
        Assert.Equal((5, "unknown service"), (unknown.Code, unknown.Text));
    }

    [Fact]
    public async Task HealthWatch_TellsEveryChange_AndEndsWithTheServer()
    {
        await using var edge = new GrpcEdge();
        var stream = edge.Open("/grpc.health.v1.Health/Watch");
        System.Buffers.BuffersExtensions.Write(stream.Output, Empty);
        stream.End(null);
        await stream.ReadHeadAsync(default).AsTask().Within("the head");
        var reader = new FastSidecar.Protocol.Grpc.GrpcMessageReader();
        reader.Start(stream.Input, default, 1000);
        var told = new List<int>();
        while (await reader.ReadAsync(default).AsTask().Within("a status"))
        {
            told.Add(HealthMessage.Parser.ParseFrom(reader.Message.Span).Status);
            if (told.Count == 1)
            {
                edge.Readiness.SetReady("runtime");
            }
            else
            {
                edge.Readiness.SetNotReady("grpc-api-server");
            }
        }

        Assert.Equal([2, 1, 2], told);
        Assert.True(stream.Trailers.TryGet("grpc-status"u8, out var status) && status.SequenceEqual("14"u8));
        reader.Release();
        stream.Dispose();
    }

    [Fact]
    public async Task HealthOfANamedApp_IsProxied()
    {
        await using var edge = new GrpcEdge();
        edge.Readiness.SetReady("runtime");
        var answer = await edge.CallAsync("/grpc.health.v1.Health/Check", Empty, ("dapr-app-id", "b"));

        Assert.NotEqual(0, answer.Code);
    }

    [Fact]
    public async Task TaskHubHello_IsAnswered()
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync("/TaskHubSidecarService/Hello", Empty);

        Assert.Equal(0, answer.Code);
        Assert.Empty(answer.Message);
    }

    [Theory]
    [InlineData("SaveState", "st", 9, "state store st is not configured", "DAPR_STATE_NOT_CONFIGURED")]
    [InlineData("SaveState", "", 9, "state store  is not configured", "DAPR_STATE_NOT_CONFIGURED")]
    [InlineData("PublishEvent", "ps", 3, "pubsub ps is not found", "DAPR_PUBSUB_NOT_FOUND")]
    [InlineData("PublishEvent", "", 3, "pubsub name is empty", "DAPR_PUBSUB_NAME_EMPTY")]
    [InlineData("InvokeBinding", "b", 13, "error invoking output binding b: operation field is missing from request", "ERR_INVOKE_OUTPUT_BINDING")]
    [InlineData("GetSecret", "s", 9, "secret store is not configured", null)]
    [InlineData("SubscribeConfiguration", "c", 9, "configuration stores not configured", "ERR_CONFIGURATION_STORE_NOT_CONFIGURED")]
    [InlineData("TryLockAlpha1", "l", 3, "ExpiryInSeconds is not positive in lock store l", null)]
    [InlineData("UnlockAlpha1", "l", 9, "lock store is not configured", null)]
    [InlineData("SubtleSignAlpha1", "c", 12, "this API is currently not implemented", null)]
    [InlineData("InvokeActor", "t", 14, "placement service is not configured", null)]
    [InlineData("StartWorkflowBeta1", "i", 14, "placement service is not configured", null)]
    [InlineData("ConverseAlpha1", "llm", 3, "failed finding conversation component llm", null)]
    [InlineData("ScheduleJob", "", 3, "Job is empty", "DAPR_SCHEDULER_EMPTY")]
    [InlineData("GetJob", "", 3, "Name is empty", "DAPR_SCHEDULER_JOB_NAME_EMPTY")]
    [InlineData("GetJob", "j", 13, "failed to get job due to: scheduler clients are disabled", "DAPR_SCHEDULER_GET_JOB")]
    [InlineData("ListJobs", "", 13, "failed to list jobs due to: scheduler clients are disabled", "DAPR_SCHEDULER_LIST_JOBS")]
    [InlineData("SubscribeTopicEventsAlpha1", "", 2, "initial request is required", null)]
    [InlineData("DecryptAlpha1", "", 3, "invalid request: first message does not contain the required options", null)]
    public async Task BuildingBlock_FailsAsUnconfigured(string method, string name, int code, string text, string? reason)
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync(GrpcEdge.Dapr + method, new NamedRequest { F1 = name });

        Assert.False(answer.IsTrailersOnly);
        Assert.Equal((code, text), (answer.Code, answer.Text));
        Assert.Equal(reason, answer.Status is null ? null : answer.ErrorInfo.Reason);
        if (method.EndsWith("Job", StringComparison.Ordinal) && reason is not null)
        {
            Assert.Equal(("a", "default"), (answer.ErrorInfo.Metadata["appID"], answer.ErrorInfo.Metadata["namespace"]));
        }
    }

    [Fact]
    public async Task UnsubscribeConfiguration_IsAnswered()
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync(GrpcEdge.Dapr + "UnsubscribeConfiguration", new NamedRequest { F1 = "c", F2 = "id" });

        Assert.Equal(0, answer.Code);
        Assert.Equal("failed to unsubscribe to configuration request id: subscription does not exist", NamedRequest.Parser.ParseFrom(answer.Message).F2);
    }

    [Fact]
    public async Task UnknownMethodOfDapr_IsProxied()
    {
        await using var edge = new GrpcEdge();
        var answer = await edge.CallAsync(GrpcEdge.Dapr + "NoSuch", Empty);

        Assert.Equal(2, answer.Code);
        Assert.Equal("failed to proxy request: required metadata dapr-callee-app-id or dapr-app-id not found", answer.Text);
    }

    private static async Task<HealthMessage> CheckAsync(GrpcEdge edge, string service)
    {
        var answer = await edge.CallAsync("/grpc.health.v1.Health/Check", new NamedRequest { F1 = service });
        return HealthMessage.Parser.ParseFrom(answer.Message);
    }
}
