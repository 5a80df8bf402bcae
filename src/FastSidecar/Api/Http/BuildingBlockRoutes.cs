using Block = FastSidecar.Api.Http.BuildingBlockAnswer;

namespace FastSidecar.Api.Http;

/// <summary>
/// The routes of Dapr's other building blocks. None of them is built; they are here because they occupy paths (an app's own
/// <c>/v1.0/state/…</c> is not reachable by the header form) and answer as a daprd without that component does.
/// </summary>
internal static class BuildingBlockRoutes
{
    private static readonly Block State =
        new(500, "ERR_STATE_STORE_NOT_CONFIGURED", "state store {0} is not configured", Reason: "DAPR_STATE_NOT_CONFIGURED", Detail: ErrorDetail.AppId);

    private static readonly Block PubSub =
        new(404, "ERR_PUBSUB_NOT_FOUND", "pubsub {0} is not found", Reason: "DAPR_PUBSUB_NOT_FOUND", Detail: ErrorDetail.Empty);

    private static readonly Block Binding =
        new(500, "ERR_INVOKE_OUTPUT_BINDING", "error invoking output binding {0}: couldn't find output binding {0}", BlockBody.Json);

    private static readonly Block Secrets = new(500, "ERR_SECRET_STORES_NOT_CONFIGURED", "secret store is not configured", BlockBody.OptionalJson);

    private static readonly Block Actors = new(400, "ERR_ACTOR_NO_PLACEMENT", "placement service is not configured");

    private static readonly Block Configuration = new(500, "ERR_CONFIGURATION_STORE_NOT_CONFIGURED", "configuration stores not configured");

    private static readonly Block Lock = new(500, "ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured", BlockBody.OptionalJson);

    private static readonly Block Crypto = new(500, "ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED", "crypto providers not configured");

    private static readonly Block SubtleCrypto = new(501, "ERR_API_UNIMPLEMENTED", "this API is currently not implemented", BlockBody.OptionalJson);

    private static readonly Block Conversation = new(400, "ERR_CONVERSATION_NOT_FOUND", "failed finding conversation component {0}", BlockBody.OptionalJson);

    /// <summary>More literal patterns stand before those with a parameter in the same place.</summary>
    public static ApiRoute[] All =>
    [
        Route("GetBulkState", "state", ["POST", "PUT"], "v1.0", "state/{storeName}/bulk", State),
        Route("ExecuteStateTransaction", "state", ["POST", "PUT"], "v1.0", "state/{storeName}/transaction", State),
        Route("GetState", "state", ["GET"], "v1.0", "state/{storeName}/{key}", State),
        Route("DeleteState", "state", ["DELETE"], "v1.0", "state/{storeName}/{key}", State),
        Route("SaveState", "state", ["POST", "PUT"], "v1.0", "state/{storeName}", State),
        Route("QueryStateAlpha1", "state", ["POST", "PUT"], "v1.0-alpha1", "state/{storeName}/query", State with { Body = BlockBody.OptionalJson, Detail = ErrorDetail.Null }),

        Route("BulkPublishEvent", "publish", ["POST", "PUT"], "v1.0-alpha1", "publish/bulk/{pubsubname}/*", PubSub),
        Route("BulkPublishEvent", "publish", ["POST", "PUT"], "v1.0", "publish/bulk/{pubsubname}/*", PubSub),
        Route("PublishEvent", "publish", ["POST", "PUT"], "v1.0", "publish/{pubsubname}/*", PubSub),

        Route("InvokeBinding", "bindings", ["POST", "PUT"], "v1.0", "bindings/{name}", Binding),

        Route("GetBulkSecret", "secrets", ["GET"], "v1.0", "secrets/{secretStoreName}/bulk", Secrets),
        Route("GetSecret", "secrets", ["GET"], "v1.0", "secrets/{secretStoreName}/{key}", Secrets),

        Route("ExecuteActorStateTransaction", "actors", ["POST", "PUT"], "v1.0", "actors/{actorType}/{actorId}/state", Actors with { Body = BlockBody.Json }),
        Route("InvokeActor", "actors", ["GET", "POST", "DELETE", "PUT"], "v1.0", "actors/{actorType}/{actorId}/method/{method}", Actors),
        Route("GetActorState", "actors", ["GET"], "v1.0", "actors/{actorType}/{actorId}/state/{key}", Actors),
        Route("RegisterActorReminder", "actors", ["POST", "PUT"], "v1.0", "actors/{actorType}/{actorId}/reminders/{name}", Actors with { Body = BlockBody.Json }),
        Route("RegisterActorTimer", "actors", ["POST", "PUT"], "v1.0", "actors/{actorType}/{actorId}/timers/{name}", Actors with { Body = BlockBody.Json }),
        Route("UnregisterActorReminder", "actors", ["DELETE"], "v1.0", "actors/{actorType}/{actorId}/reminders/{name}", Actors),
        Route("UnregisterActorTimer", "actors", ["DELETE"], "v1.0", "actors/{actorType}/{actorId}/timers/{name}", Actors),
        Route("GetActorReminder", "actors", ["GET"], "v1.0", "actors/{actorType}/{actorId}/reminders/{name}", Actors),

        .. ForVersions(["v1.0-alpha1", "v1.0"], static version =>
        [
            Route("GetConfiguration", "configuration", ["GET"], version, "configuration/{storeName}", Configuration),
            Route("SubscribeConfiguration", "configuration", ["GET"], version, "configuration/{storeName}/subscribe", Configuration),
            Route("UnsubscribeConfiguration", "configuration", ["GET"], version, "configuration/{storeName}/{id}/unsubscribe", Configuration),
            Route("ScheduleJob", "jobs", ["POST"], version, "jobs/{name}", Job("SCHEDULE_JOB", "schedule") with { Body = BlockBody.Job }),
            Route("DeleteJob", "jobs", ["DELETE"], version, "jobs/{name}", Job("DELETE_JOB", "delete")),
            Route("GetJob", "jobs", ["GET"], version, "jobs/{name}", Job("GET_JOB", "get")),
        ]),

        Route("TryLock", "lock", ["POST"], "v1.0-alpha1", "lock/{storeName}", Lock with { Body = BlockBody.Lock }),
        Route("Unlock", "unlock", ["POST"], "v1.0-alpha1", "unlock/{storeName}", Lock),

        Route("Encrypt", "crypto", ["PUT"], "v1.0-alpha1", "crypto/{name}/encrypt", Crypto),
        Route("Decrypt", "crypto", ["PUT"], "v1.0-alpha1", "crypto/{name}/decrypt", Crypto),
        Route("SubtleGetKey", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/getkey", SubtleCrypto),
        Route("SubtleEncrypt", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/encrypt", SubtleCrypto),
        Route("SubtleDecrypt", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/decrypt", SubtleCrypto),
        Route("SubtleWrapKey", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/wrapkey", SubtleCrypto),
        Route("SubtleUnwrapKey", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/unwrapkey", SubtleCrypto),
        Route("SubtleSign", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/sign", SubtleCrypto),
        Route("SubtleVerify", "subtlecrypto", ["POST"], "v1.0-alpha1", "subtlecrypto/{name}/verify", SubtleCrypto),

        Route("Converse", "conversation", ["POST"], "v1.0-alpha1", "conversation/{name}/converse", Conversation),
        Route("Converse", "conversation", ["POST"], "v1.0-alpha2", "conversation/{name}/converse", Conversation),

        .. ForVersions(["v1.0-alpha1", "v1.0-beta1", "v1.0"], static version =>
        [
            Route("GetWorkflow", "workflows", ["GET"], version, "workflows/{component}/{instanceID}", Actors),
            Route("RaiseEventWorkflow", "workflows", ["POST"], version, "workflows/{component}/{instanceID}/raiseEvent/{eventName}", Actors),
            Route("StartWorkflow", "workflows", ["POST"], version, "workflows/{component}/{workflowName}/start", Actors),
            Route("PauseWorkflow", "workflows", ["POST"], version, "workflows/{component}/{instanceID}/pause", Actors),
            Route("ResumeWorkflow", "workflows", ["POST"], version, "workflows/{component}/{instanceID}/resume", Actors),
            Route("TerminateWorkflow", "workflows", ["POST"], version, "workflows/{component}/{instanceID}/terminate", Actors),
            Route("PurgeWorkflow", "workflows", ["POST"], version, "workflows/{component}/{instanceID}/purge", Actors),
        ]),
    ];

    private static ApiRoute Route(string name, string group, string[] verbs, string version, string pattern, Block answer) =>
        new(name, group, ApiEndpoint.BuildingBlock, verbs, version, pattern, answer);

    private static IEnumerable<ApiRoute> ForVersions(string[] versions, Func<string, ApiRoute[]> routes) => versions.SelectMany(routes);

    private static Block Job(string code, string verb) =>
        new(500, $"DAPR_SCHEDULER_{code}", $"failed to {verb} job due to: scheduler clients are disabled", Reason: $"DAPR_SCHEDULER_{code}", Detail: ErrorDetail.AppIdAndNamespace);
}
