using FastSidecar.Configuration.Flags;

namespace FastSidecar.Commands;

/// <summary>The flags of <c>run</c>: those of <c>dapr run</c> (dapr/cli cmd/run.go) for one app, and our --mdns-interface and --replay-buffer-size.</summary>
internal sealed class RunFlags
{
    private const string Random = "; -1 takes any that is free";

    public RunFlags()
    {
        AppId = Set.String("app-id", "", "Id of the app; without it a made-up one", "a");
        AppPort = Set.Integer("app-port", -1, "Port the app listens on; -1: it takes no calls", "p");
        AppProtocol = Set.String("app-protocol", "http", "What the app speaks: http, https, h2c, grpc or grpcs", "P");
        AppChannelAddress = Set.String("app-channel-address", "127.0.0.1", "Host the app listens on");
        HttpPort = Set.Integer("dapr-http-port", -1, $"Port of the HTTP API{Random}", "H");
        GrpcPort = Set.Integer("dapr-grpc-port", -1, $"Port of the gRPC API{Random}", "G");
        InternalGrpcPort = Set.Integer("dapr-internal-grpc-port", -1, $"Port that other sidecars connect to{Random}", "I");
        MetricsPort = Set.Integer("metrics-port", -1, $"Port of the metrics{Random}", "M");
        ProfilePort = Set.Integer("profile-port", -1, $"Port of the profiling data{Random}");
        ListenAddresses = Set.String("dapr-listen-addresses", "", "Addresses the APIs listen on, comma separated");
        UnixDomainSocket = Set.String("unix-domain-socket", "", "Folder for Unix domain sockets in place of the TCP ports", "u");
        MdnsInterface = Set.String("mdns-interface", "", "Network interface that mDNS uses");

        Config = Set.String("config", "", "Configuration file; without it config.yaml in the runtime folder, if there is one", "c");
        ResourcesPath = Set.List("resources-path", "Folder of resource files; may be repeated");
        ComponentsPath = Set.String(
            "components-path", "", "The same as --resources-path", "d", deprecated: "use --resources-path");
        RuntimePath = Set.String("runtime-path", "", "Folder that holds .dapr, the runtime folder; without it the home folder");

        AppMaxConcurrency = Set.Integer("app-max-concurrency", -1, "Most calls to the app at a time; -1 for no limit");
        AppSsl = Set.Switch("app-ssl", false, "The app speaks TLS", deprecated: "use '--app-protocol https|grpcs'");
        EnableAppHealthCheck = Set.Switch("enable-app-health-check", false, "Probe the app's health");
        AppHealthCheckPath = Set.String("app-health-check-path", "", "Path that health probes of an HTTP app ask for");
        AppHealthProbeInterval = Set.Integer("app-health-probe-interval", 0, "Seconds between health probes");
        AppHealthProbeTimeout = Set.Integer("app-health-probe-timeout", 0, "Milliseconds a health probe may take");
        AppHealthThreshold = Set.Integer("app-health-threshold", 0, "Failed probes after which the app counts as ill");

        MaxBodySize = Set.String("max-body-size", "4Mi", "Largest request body of both APIs, as a quantity");
        ReadBufferSize = Set.String("read-buffer-size", "4Ki", "Largest request head, as a quantity");
        ReplayBufferSize = Set.String("replay-buffer-size", "64Ki", "How much of a request body is kept for a repeat, as a quantity");
        EnableApiLogging = Set.Switch("enable-api-logging", false, "Log every call of the APIs");
        LogLevel = Set.String("log-level", "info", "Least severe level the sidecar logs");
        LogAsJson = Set.Switch("log-as-json", false, "The sidecar logs JSON");
        EnableProfiling = Set.Switch("enable-profiling", false, "Serve profiling data");

        // Of dapr run, without a meaning here.
        Set.String("placement-host-address", "localhost", "Ignored", hidden: true);
        Set.String("scheduler-host-address", "localhost", "Ignored", hidden: true);
        RunFile = Set.String("run-file", "", "Not in this version", "f", hidden: true);
        Kubernetes = Set.Switch("kubernetes", false, "Not in this version", "k", hidden: true);
    }

    public FlagSet Set { get; } = new("fastsidecar run");

    public Flag<string> AppId { get; }

    public Flag<long> AppPort { get; }

    public Flag<string> AppProtocol { get; }

    public Flag<string> AppChannelAddress { get; }

    public Flag<long> HttpPort { get; }

    public Flag<long> GrpcPort { get; }

    public Flag<long> InternalGrpcPort { get; }

    public Flag<long> MetricsPort { get; }

    public Flag<long> ProfilePort { get; }

    public Flag<string> ListenAddresses { get; }

    public Flag<string> UnixDomainSocket { get; }

    public Flag<string> MdnsInterface { get; }

    public Flag<string> Config { get; }

    public ListFlag ResourcesPath { get; }

    public Flag<string> ComponentsPath { get; }

    public Flag<string> RuntimePath { get; }

    public Flag<long> AppMaxConcurrency { get; }

    public Flag<bool> AppSsl { get; }

    public Flag<bool> EnableAppHealthCheck { get; }

    public Flag<string> AppHealthCheckPath { get; }

    public Flag<long> AppHealthProbeInterval { get; }

    public Flag<long> AppHealthProbeTimeout { get; }

    public Flag<long> AppHealthThreshold { get; }

    public Flag<string> MaxBodySize { get; }

    public Flag<string> ReadBufferSize { get; }

    public Flag<string> ReplayBufferSize { get; }

    public Flag<bool> EnableApiLogging { get; }

    public Flag<string> LogLevel { get; }

    public Flag<bool> LogAsJson { get; }

    public Flag<bool> EnableProfiling { get; }

    public Flag<string> RunFile { get; }

    public Flag<bool> Kubernetes { get; }
}
