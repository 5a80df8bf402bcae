using FastSidecar.Configuration.Flags;

namespace FastSidecar.Configuration;

/// <summary>
/// Every flag daprd 1.18.3 accepts (dapr cmd/daprd/options/options.go, pkg/metrics/options.go, dapr/kit logger/options.go), and ours. Flags
/// of building blocks that are not service invocation are read, checked and otherwise ignored.
/// </summary>
internal sealed class DaprdFlags
{
    private readonly List<Flag> _ignored = [];

    /// <param name="program">The name in the usage.</param>
    /// <param name="listOwnFlags">The usage also lists the flags that daprd does not have.</param>
    public DaprdFlags(string program, bool listOwnFlags)
    {
        Set = new FlagSet(program);

        // Who and where we are.
        AppId = Set.String("app-id", "", "Id of the app, by which others call it");
        Mode = Set.String("mode", "standalone", "Where the sidecar runs: standalone or kubernetes");
        Config = Set.List("config", "Configuration file, or in Kubernetes the name of the resource; outside Kubernetes it may be repeated");
        ResourcesPath = Set.List("resources-path", "Folder of resource files; may be repeated; without it none are loaded");
        ComponentsPath = Set.String("components-path", "", "The same as --resources-path", deprecated: "use --resources-path");
        UnixDomainSocket = Set.String("unix-domain-socket", "", "Folder for Unix domain sockets, which replace the TCP ports of both APIs");
        MdnsInterface = Set.String(
            "mdns-interface", "", "Network interface that mDNS uses; without it all that are up", hidden: !listOwnFlags);

        // Ports.
        HttpPort = Set.String("dapr-http-port", "3500", "Port of the HTTP API");
        GrpcPort = Set.String("dapr-grpc-port", "50001", "Port of the gRPC API");
        ListenAddresses = Set.String("dapr-listen-addresses", "", "Addresses the APIs listen on, comma separated; without it all");
        InternalGrpcPort = Set.String("dapr-internal-grpc-port", "", "Port that other sidecars connect to");
        InternalGrpcListenAddress = Set.String(
            "dapr-internal-grpc-listen-address", "", "Address of the port that other sidecars connect to");
        PublicPort = Set.String("dapr-public-port", "", "Port that serves health and metadata only");
        PublicListenAddress = Set.String("dapr-public-listen-address", "", "Address of the port that serves health and metadata only");
        EnableMetrics = Set.Switch("enable-metrics", true, "Serve Prometheus metrics");
        MetricsPort = Set.String("metrics-port", "9090", "Port of the metrics");
        MetricsListenAddress = Set.String("metrics-listen-address", "0.0.0.0", "Address of the metrics");
        EnableProfiling = Set.Switch("enable-profiling", false, "Open the profiling port; it has an index only, for there is no Go runtime to profile");
        ProfilePort = Set.String("profile-port", "7777", "Port of the profiling data");

        // The app.
        AppPort = Set.String("app-port", "", "Port the app listens on");
        AppProtocol = Set.String("app-protocol", "http", "What the app speaks: http, https, h2c, grpc or grpcs");
        AppSsl = Set.Switch("app-ssl", false, "The app speaks TLS", deprecated: "use '--app-protocol https|grpcs'");
        AppChannelAddress = Set.String("app-channel-address", "127.0.0.1", "Host the app listens on");
        AppMaxConcurrency = Set.Integer("app-max-concurrency", -1, "Most calls to the app at a time; -1 for no limit");
        EnableAppHealthCheck = Set.Switch("enable-app-health-check", false, "Probe the app's health and stop calling it while it is ill");
        AppHealthCheckPath = Set.String("app-health-check-path", "/healthz", "Path that health probes of an HTTP app ask for");
        AppHealthProbeInterval = Set.Integer("app-health-probe-interval", 5, "Seconds between health probes");
        AppHealthProbeTimeout = Set.Integer("app-health-probe-timeout", 500, "Milliseconds a health probe may take");
        AppHealthThreshold = Set.Integer("app-health-threshold", 3, "Failed probes after which the app counts as ill");
        DisableInitEndpoints = Set.List("disable-init-endpoints", "What the app is not asked for at start: config, subscribe");

        // Limits and calls.
        MaxBodySize = Set.String("max-body-size", "4Mi", "Largest request body of both APIs, as a quantity");
        MaxRequestSizeMb = Set.Integer(
            "dapr-http-max-request-size", 4, "Largest request body in MB", deprecated: "use '--max-body-size 4Mi'");
        ReadBufferSize = Set.String("read-buffer-size", "4Ki", "Largest request head, as a quantity");
        ReadBufferSizeKb = Set.Integer(
            "dapr-http-read-buffer-size", 4, "Largest request head in KB", deprecated: "use '--read-buffer-size 4Ki'");
        ReplayBufferSize = Set.String(
            "replay-buffer-size",
            "64Ki",
            "How much of a request body is kept so that a failed call can be repeated, as a quantity; 0 keeps nothing",
            hidden: !listOwnFlags);
        AllowedOrigins = Set.String("allowed-origins", "", "Origins that CORS lets in, comma separated");
        EnableApiLogging = Set.Switch("enable-api-logging", false, "Log every call of the APIs");
        GracefulShutdownSeconds = Set.Integer("dapr-graceful-shutdown-seconds", 5, "Seconds a shutdown waits for what is under way");
        BlockShutdownDuration = Set.Duration(
            "dapr-block-shutdown-duration",
            TimeSpan.Zero,
            "Keep serving this long after a signal, or until the app reports unhealthy; off by default");

        // Security.
        EnableMtls = Set.Switch("enable-mtls", false, "Mutual TLS between sidecars");
        SentryAddress = Set.String("sentry-address", "", "Address of the certificate authority (Sentry)");
        SentryJwtAudiences = Set.List("sentry-request-jwt-audiences", "Audiences of the JWT that a certificate request asks for");
        ControlPlaneAddress = Set.String("control-plane-address", "", "Address of the control plane");
        ControlPlaneTrustDomain = Set.String("control-plane-trust-domain", "localhost", "Trust domain of the control plane");
        ControlPlaneNamespace = Set.String("control-plane-namespace", "default", "Namespace of the control plane");
        DisableK8sSecretStore = Set.Switch("disable-builtin-k8s-secret-store", false, "Do not read secrets from Kubernetes");

        // The log.
        LogLevel = Set.String("log-level", "info", "Least severe level that is logged: debug, info, warn, error or fatal (default info)");
        LogAsJson = Set.Switch("log-as-json", false, "Log as JSON (default false)");
        LogFile = Set.String("log-file", "", "File to log to in place of standard output");

        // Things to do other than run.
        Version = Set.Switch("version", false, "Print the version and end");
        BuildInfo = Set.Switch("build-info", false, "Print what was built and end");
        Wait = Set.Switch("wait", false, "Wait until a running sidecar is ready for outbound calls, then end");

        // Building blocks that are not service invocation.
        Ignore(Set.String("placement-host-address", "", "Addresses of the placement service; ignored"));
        Ignore(Set.List("scheduler-host-address", "Addresses of the scheduler service; ignored"));
        Ignore(Set.Unsigned("scheduler-job-streams", 3, "Streams to the scheduler service; ignored"));
        Ignore(Set.String("actors-service", "", "Ignored", deprecated: "flag no longer has any effect", hidden: true));
        Ignore(Set.String("reminders-service", "", "Ignored", deprecated: "flag no longer has any effect", hidden: true));
        Ignore(Set.Duration("app-binding-options-timeout", TimeSpan.FromSeconds(3), "Limit of asking the app for bindings; ignored"));
        Ignore(Set.Duration("hot-reload-reconcile-interval", TimeSpan.Zero, "Period of looking for changed resources; ignored"));
        ActorsDisseminateTimeout = Set.Duration(
            "actors-disseminate-timeout",
            TimeSpan.FromSeconds(30),
            "Limit of a placement round; ignored. The placement service's own limit is lower (default 8s).");
        Ignore(ActorsDisseminateTimeout);
    }

    public FlagSet Set { get; }

    /// <summary>Flags on the command line that have no effect here, as <c>--name</c>.</summary>
    public IEnumerable<string> IgnoredGiven => _ignored.Where(static flag => flag.IsGiven).Select(static flag => $"--{flag.Name}");

    public Flag<string> AppId { get; }

    public Flag<string> Mode { get; }

    public ListFlag Config { get; }

    public ListFlag ResourcesPath { get; }

    public Flag<string> ComponentsPath { get; }

    public Flag<string> UnixDomainSocket { get; }

    public Flag<string> MdnsInterface { get; }

    public Flag<string> HttpPort { get; }

    public Flag<string> GrpcPort { get; }

    public Flag<string> ListenAddresses { get; }

    public Flag<string> InternalGrpcPort { get; }

    public Flag<string> InternalGrpcListenAddress { get; }

    public Flag<string> PublicPort { get; }

    public Flag<string> PublicListenAddress { get; }

    public Flag<bool> EnableMetrics { get; }

    public Flag<string> MetricsPort { get; }

    public Flag<string> MetricsListenAddress { get; }

    public Flag<bool> EnableProfiling { get; }

    public Flag<string> ProfilePort { get; }

    public Flag<string> AppPort { get; }

    public Flag<string> AppProtocol { get; }

    public Flag<bool> AppSsl { get; }

    public Flag<string> AppChannelAddress { get; }

    public Flag<long> AppMaxConcurrency { get; }

    public Flag<bool> EnableAppHealthCheck { get; }

    public Flag<string> AppHealthCheckPath { get; }

    public Flag<long> AppHealthProbeInterval { get; }

    public Flag<long> AppHealthProbeTimeout { get; }

    public Flag<long> AppHealthThreshold { get; }

    public ListFlag DisableInitEndpoints { get; }

    public Flag<string> MaxBodySize { get; }

    public Flag<long> MaxRequestSizeMb { get; }

    public Flag<string> ReadBufferSize { get; }

    public Flag<long> ReadBufferSizeKb { get; }

    public Flag<string> ReplayBufferSize { get; }

    public Flag<string> AllowedOrigins { get; }

    public Flag<bool> EnableApiLogging { get; }

    public Flag<long> GracefulShutdownSeconds { get; }

    public Flag<TimeSpan> BlockShutdownDuration { get; }

    public Flag<bool> EnableMtls { get; }

    public Flag<string> SentryAddress { get; }

    public ListFlag SentryJwtAudiences { get; }

    public Flag<string> ControlPlaneAddress { get; }

    public Flag<string> ControlPlaneTrustDomain { get; }

    public Flag<string> ControlPlaneNamespace { get; }

    public Flag<bool> DisableK8sSecretStore { get; }

    public Flag<string> LogLevel { get; }

    public Flag<bool> LogAsJson { get; }

    public Flag<string> LogFile { get; }

    public Flag<bool> Version { get; }

    public Flag<bool> BuildInfo { get; }

    public Flag<bool> Wait { get; }

    public Flag<TimeSpan> ActorsDisseminateTimeout { get; }

    private void Ignore(Flag flag) => _ignored.Add(flag);
}
