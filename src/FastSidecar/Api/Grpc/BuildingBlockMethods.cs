using FastSidecar.Transport.Grpc;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// The methods of Dapr's other building blocks. None of them is built; they answer as a daprd without that component does (recorded:
/// api.json, unconfigured-…).
/// </summary>
internal static class BuildingBlockMethods
{
    private static readonly BuildingBlock State =
        new(GrpcStatusCode.FailedPrecondition, "state store {0} is not configured", "DAPR_STATE_NOT_CONFIGURED");

    private static readonly BuildingBlock PubSub =
        new(GrpcStatusCode.InvalidArgument, "pubsub {0} is not found", "DAPR_PUBSUB_NOT_FOUND", BlockCheck.PubSub);

    private static readonly BuildingBlock Binding = new(
        GrpcStatusCode.Internal,
        "error invoking output binding {0}: couldn't find output binding {0}",
        "ERR_INVOKE_OUTPUT_BINDING",
        BlockCheck.Binding);

    private static readonly BuildingBlock Secrets = new(GrpcStatusCode.FailedPrecondition, "secret store is not configured");

    private static readonly BuildingBlock Configuration =
        new(GrpcStatusCode.FailedPrecondition, "configuration stores not configured", "ERR_CONFIGURATION_STORE_NOT_CONFIGURED");

    private static readonly BuildingBlock Unsubscribe = new(GrpcStatusCode.OK, "", Check: BlockCheck.Unsubscribe);

    private static readonly BuildingBlock Lock = new(GrpcStatusCode.FailedPrecondition, "lock store is not configured");

    private static readonly BuildingBlock Crypto = new(GrpcStatusCode.Internal, "crypto providers not configured");

    private static readonly BuildingBlock SubtleCrypto = new(GrpcStatusCode.Unimplemented, "this API is currently not implemented");

    private static readonly BuildingBlock Actors = new(GrpcStatusCode.Unavailable, "placement service is not configured");

    private static readonly BuildingBlock Conversation = new(GrpcStatusCode.InvalidArgument, "failed finding conversation component {0}");

    /// <summary>By the method's name in the service <c>dapr.proto.runtime.v1.Dapr</c>.</summary>
    public static IReadOnlyDictionary<string, BuildingBlock> All { get; } = new Dictionary<string, BuildingBlock>(StringComparer.Ordinal)
    {
        ["GetState"] = State,
        ["GetBulkState"] = State,
        ["SaveState"] = State,
        ["DeleteState"] = State,
        ["DeleteBulkState"] = State,
        ["ExecuteStateTransaction"] = State,
        ["QueryStateAlpha1"] = State,

        ["PublishEvent"] = PubSub,
        ["BulkPublishEvent"] = PubSub,
        ["BulkPublishEventAlpha1"] = PubSub,
        ["SubscribeTopicEventsAlpha1"] = PubSub with { Check = BlockCheck.Subscribe },

        ["InvokeBinding"] = Binding,

        ["GetSecret"] = Secrets,
        ["GetBulkSecret"] = Secrets,

        ["GetConfiguration"] = Configuration,
        ["GetConfigurationAlpha1"] = Configuration,
        ["SubscribeConfiguration"] = Configuration with { Check = BlockCheck.Subscription },
        ["SubscribeConfigurationAlpha1"] = Configuration with { Check = BlockCheck.Subscription },
        ["UnsubscribeConfiguration"] = Unsubscribe,
        ["UnsubscribeConfigurationAlpha1"] = Unsubscribe,

        ["TryLockAlpha1"] = Lock with { Check = BlockCheck.Lock },
        ["UnlockAlpha1"] = Lock,

        ["EncryptAlpha1"] = Crypto with { Check = BlockCheck.Encrypt },
        ["DecryptAlpha1"] = Crypto with { Check = BlockCheck.Decrypt },
        ["SubtleGetKeyAlpha1"] = SubtleCrypto,
        ["SubtleEncryptAlpha1"] = SubtleCrypto,
        ["SubtleDecryptAlpha1"] = SubtleCrypto,
        ["SubtleWrapKeyAlpha1"] = SubtleCrypto,
        ["SubtleUnwrapKeyAlpha1"] = SubtleCrypto,
        ["SubtleSignAlpha1"] = SubtleCrypto,
        ["SubtleVerifyAlpha1"] = SubtleCrypto,

        ["RegisterActorTimer"] = Actors,
        ["UnregisterActorTimer"] = Actors,
        ["RegisterActorReminder"] = Actors,
        ["UnregisterActorReminder"] = Actors,
        ["UnregisterActorRemindersByType"] = Actors,
        ["ListActorReminders"] = Actors,
        ["GetActorReminder"] = Actors,
        ["GetActorState"] = Actors,
        ["ExecuteActorStateTransaction"] = Actors,
        ["InvokeActor"] = Actors,

        ["StartWorkflowAlpha1"] = Actors,
        ["GetWorkflowAlpha1"] = Actors,
        ["PurgeWorkflowAlpha1"] = Actors,
        ["TerminateWorkflowAlpha1"] = Actors,
        ["PauseWorkflowAlpha1"] = Actors,
        ["ResumeWorkflowAlpha1"] = Actors,
        ["RaiseEventWorkflowAlpha1"] = Actors,
        ["StartWorkflowBeta1"] = Actors,
        ["GetWorkflowBeta1"] = Actors,
        ["PurgeWorkflowBeta1"] = Actors,
        ["TerminateWorkflowBeta1"] = Actors,
        ["PauseWorkflowBeta1"] = Actors,
        ["ResumeWorkflowBeta1"] = Actors,
        ["RaiseEventWorkflowBeta1"] = Actors,

        ["ScheduleJob"] = Job("schedule job", "SCHEDULE_JOB", BlockCheck.Job),
        ["ScheduleJobAlpha1"] = Job("schedule job", "SCHEDULE_JOB", BlockCheck.Job),
        ["GetJob"] = Job("get job", "GET_JOB", BlockCheck.JobName),
        ["GetJobAlpha1"] = Job("get job", "GET_JOB", BlockCheck.JobName),
        ["DeleteJob"] = Job("delete job", "DELETE_JOB", BlockCheck.JobName),
        ["DeleteJobAlpha1"] = Job("delete job", "DELETE_JOB", BlockCheck.JobName),
        ["DeleteJobsByPrefix"] = Job("delete job", "DELETE_JOB", BlockCheck.None),
        ["DeleteJobsByPrefixAlpha1"] = Job("delete job", "DELETE_JOB", BlockCheck.None),
        ["ListJobs"] = Job("list jobs", "LIST_JOBS", BlockCheck.None),
        ["ListJobsAlpha1"] = Job("list jobs", "LIST_JOBS", BlockCheck.None),

        ["ConverseAlpha1"] = Conversation,
        ["ConverseAlpha2"] = Conversation,
    };

    private static BuildingBlock Job(string what, string reason, BlockCheck check) =>
        new(GrpcStatusCode.Internal, $"failed to {what} due to: scheduler clients are disabled", $"DAPR_SCHEDULER_{reason}", check, SaysApp: true);
}
