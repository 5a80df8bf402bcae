using FastSidecar.Configuration.Yaml;
using static FastSidecar.Configuration.Yaml.YamlSchema;

namespace FastSidecar.Configuration;

/// <summary>
/// The kind Configuration as daprd reads it from files (dapr pkg/config/configuration.go). It names more than is used here: a wrong type
/// anywhere ends daprd.
/// </summary>
internal static class ConfigurationSchema
{
    private static readonly YamlSchema Pipeline = Section(
        "config.PipelineSpec",
        ("handlers", List(Plain(
            "config.HandlerSpec",
            ("name", Text),
            ("type", Text),
            ("version", Text),
            ("selector", Plain(
                "config.SelectorSpec",
                ("fields", List(Plain("config.SelectorField", ("field", Text), ("value", Text))))))))));

    private static readonly YamlSchema Metric = Section(
        "config.MetricSpec",
        ("enabled", Bool with { IsClearedByNull = true }),
        ("recordErrorCodes", Bool with { IsClearedByNull = true }),
        ("http", Section(
            "config.MetricHTTP",
            ("increasedCardinality", Bool with { IsClearedByNull = true }),
            ("pathMatching", List(Text)),
            ("excludeVerbs", Bool with { IsClearedByNull = true }))),
        ("latencyDistributionBuckets", List(Integer)),
        ("rules", List(Plain(
            "config.MetricsRule",
            ("name", Text),
            ("labels", List(Plain("config.MetricLabel", ("name", Text), ("regex", Map(Text)))))))));

    private static readonly YamlSchema Tracing = Section(
        "config.TracingSpec",
        ("samplingRate", Text),
        ("stdout", Bool),
        ("zipkin", Section("config.ZipkinSpec", ("endpointAddress", Text))),
        ("otel", Section(
            "config.OtelSpec",
            ("protocol", Text),
            ("endpointAddress", Text),
            ("isSecure", Bool with { IsClearedByNull = true }),
            ("headers", List(Text)),
            ("timeout", Duration with { IsClearedByNull = true }))));

    private static readonly YamlSchema AccessControl = Section(
        "config.AccessControlSpec",
        ("defaultAction", Text),
        ("trustDomain", Text),
        ("policies", List(Plain(
            "config.AppPolicySpec",
            ("appId", Text),
            ("defaultAction", Text),
            ("trustDomain", Text),
            ("namespace", Text),
            ("operations", List(Plain("config.AppOperation", ("name", Text), ("httpVerb", List(Text)), ("action", Text))))))));

    private static readonly YamlSchema ApiRules = List(
        Plain("config.APIAccessRule", ("name", Text), ("version", Text), ("protocol", TextNamed("config.APIAccessRuleProtocol"))),
        "config.APIAccessRules");

    private static readonly YamlSchema Secrets = Section(
        "config.SecretsSpec",
        ("scopes", List(Plain(
            "config.SecretsScope",
            ("defaultAccess", Text),
            ("storeName", Text),
            ("allowedSecrets", List(Text)),
            ("deniedSecrets", List(Text))))));

    private static readonly YamlSchema Mtls = Section(
        "config.MTLSSpec",
        ("enabled", Bool),
        ("workloadCertTTL", Text),
        ("allowedClockSkew", Text),
        ("sentryAddress", Text),
        ("controlPlaneTrustDomain", Text),
        ("tokenValidators", List(Any, "[]config.ValidatorSpec")));

    private static readonly YamlSchema Workflow = Section(
        "config.WorkflowSpec",
        ("maxConcurrentWorkflowInvocations", Integer32),
        ("maxConcurrentActivityInvocations", Integer32),
        ("globalMaxConcurrentWorkflowInvocations", Integer32 with { IsClearedByNull = true }),
        ("globalMaxConcurrentActivityInvocations", Integer32 with { IsClearedByNull = true }),
        ("workflowConcurrencyLimits", List(Any, "[]config.NamedConcurrencyLimit")),
        ("activityConcurrencyLimits", List(Any, "[]config.NamedConcurrencyLimit")),
        ("stateRetentionPolicy", Section(
            "config.WorkflowStateRetentionPolicy",
            ("anyTerminal", Duration with { IsClearedByNull = true }),
            ("completed", Duration with { IsClearedByNull = true }),
            ("failed", Duration with { IsClearedByNull = true }),
            ("terminated", Duration with { IsClearedByNull = true }))));

    private static readonly YamlSchema Spec = Plain(
        "config.ConfigurationSpec",
        ("httpPipeline", Pipeline),
        ("appHttpPipeline", Pipeline),
        ("tracing", Tracing),
        ("mtls", Mtls),
        ("metric", Metric),
        ("metrics", Metric),
        ("secrets", Secrets),
        ("accessControl", AccessControl),
        ("nameResolution", Section("config.NameResolutionSpec", ("component", Text), ("version", Text), ("configuration", Any))),
        ("features", List(Plain("config.FeatureSpec", ("name", TextNamed("config.Feature")), ("enabled", Bool)))),
        ("api", Section("config.APISpec", ("allowed", ApiRules), ("denied", ApiRules))),
        ("components", Section("config.ComponentsSpec", ("deny", List(Text)))),
        ("logging", Section(
            "config.LoggingSpec",
            ("apiLogging", Section(
                "config.APILoggingSpec", ("enabled", Bool), ("obfuscateURLs", Bool), ("omitHealthChecks", Bool))))),
        ("wasm", Section("config.WasmSpec", ("strictSandbox", Bool))),
        ("workflow", Workflow));

    // Kubernetes' own part: read for its types, used for nothing. apiVersion is not checked at all.
    private static readonly YamlSchema Metadata = Plain(
        "v1.ObjectMeta",
        ("name", Text),
        ("namespace", Text),
        ("labels", Map(Text)),
        ("annotations", Map(Text)),
        ("finalizers", List(Text)));

    public static YamlSchema Root { get; } = Plain(
        "config.Configuration", ("apiVersion", Any), ("kind", Text), ("metadata", Metadata), ("spec", Spec));
}
