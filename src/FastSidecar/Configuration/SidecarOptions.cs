using System.Collections.Immutable;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Configuration;

/// <summary>
/// What the command line and the environment say about a sidecar. Defaults are Dapr's unless a comment says otherwise. Made by
/// <see cref="SidecarOptionsReader"/>; <see cref="Validate"/> before use.
/// </summary>
internal sealed record SidecarOptions
{
    public const int DefaultMaxBodyBytes = 4 << 20;
    public const int DefaultReadBufferBytes = 4 << 10;
    public const string Standalone = "standalone";
    public const string Kubernetes = "kubernetes";

    /// <summary>Our id; not empty, no dots.</summary>
    public string AppId { get; init; } = "";

    /// <summary>Our namespace; may be empty.</summary>
    public string Namespace { get; init; } = "default";

    /// <summary>
    /// <see cref="Standalone"/> or <see cref="Kubernetes"/>; anything else is found only after the configuration was loaded.
    /// </summary>
    public string Mode { get; init; } = Standalone;

    /// <summary>Configuration files, in the order in which they apply.</summary>
    public ImmutableArray<string> ConfigPaths { get; init; } = [];

    /// <summary>Folders of resources (Resiliency, HTTPEndpoint).</summary>
    public ImmutableArray<string> ResourcesPaths { get; init; } = [];

    /// <summary>Folder for socket files that replace the TCP ports of both APIs; empty: TCP.</summary>
    public string UnixDomainSocketFolder { get; init; } = "";

    /// <summary>The interface mDNS uses; empty: all that are up. Ours, not Dapr's.</summary>
    public string MdnsInterface { get; init; } = "";

    /// <summary>Port of the HTTP API. May be out of range: binding then fails as daprd's does.</summary>
    public int HttpPort { get; init; } = 3500;

    /// <summary>Port of the gRPC API. May be out of range.</summary>
    public int GrpcPort { get; init; } = 50001;

    /// <summary>Port other sidecars connect to; null: choose one.</summary>
    public int? InternalGrpcPort { get; init; }

    /// <summary>Empty: all addresses.</summary>
    public string InternalGrpcListenAddress { get; init; } = "";

    /// <summary>Addresses of both APIs, at least one; an empty text is all addresses. IPv6 comes with its brackets.</summary>
    public ImmutableArray<string> ListenAddresses { get; init; } = [""];

    /// <summary>Port with health and metadata only; null: none.</summary>
    public int? PublicPort { get; init; }

    /// <summary>Empty: all addresses.</summary>
    public string PublicListenAddress { get; init; } = "";

    public bool MetricsEnabled { get; init; } = true;

    public int MetricsPort { get; init; } = 9090;

    public string MetricsListenAddress { get; init; } = "0.0.0.0";

    public bool ProfilingEnabled { get; init; }

    public int ProfilePort { get; init; } = 7777;

    /// <summary>The app's port; 0 or less: no app.</summary>
    public int AppPort { get; init; }

    public AppProtocol AppProtocol { get; init; } = AppProtocol.Http;

    /// <summary><c>--app-ssl</c> made the protocol a TLS one: one deprecation warning names the flag to use.</summary>
    public bool AppSslUsed { get; init; }

    public string AppChannelAddress { get; init; } = "127.0.0.1";

    /// <summary>Most calls to the app at a time; 0 or less: no limit.</summary>
    public int AppMaxConcurrency { get; init; }

    public bool AppHealthCheckEnabled { get; init; }

    /// <summary>Path of an HTTP probe; the slash in front may be missing.</summary>
    public string AppHealthCheckPath { get; init; } = "/healthz";

    public TimeSpan AppHealthProbeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>At most <see cref="AppHealthProbeInterval"/>.</summary>
    public TimeSpan AppHealthProbeTimeout { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>At least 1.</summary>
    public int AppHealthThreshold { get; init; } = 3;

    /// <summary>What the app is not asked for at start, lower case: <c>config</c>, <c>subscribe</c>.</summary>
    public ImmutableArray<string> DisabledInitEndpoints { get; init; } = [];

    /// <summary>Largest request body in bytes; 0 and below as daprd treats them (spec: body size).</summary>
    public long MaxBodyBytes { get; init; } = DefaultMaxBodyBytes;

    /// <summary>Largest request head, and largest head of an app's answer, in bytes.</summary>
    public long ReadBufferBytes { get; init; } = DefaultReadBufferBytes;

    /// <summary>
    /// How much of a body of known length is kept in memory, per request, so that it can be sent again; 0: nothing. Ours, not Dapr's.
    /// </summary>
    public int ReplayBufferBytes { get; init; } = 64 << 10;

    /// <summary>Origins as given, comma separated; empty: CORS off.</summary>
    public string AllowedOrigins { get; init; } = "";

    /// <summary>Null: the Configuration decides.</summary>
    public bool? ApiLogging { get; init; }

    /// <summary>How long a shutdown waits; <see cref="Timeout.InfiniteTimeSpan"/> for a flag of 0.</summary>
    public TimeSpan GracefulShutdown { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long to keep serving after a signal; null: not at all, which is not the same as zero.</summary>
    public TimeSpan? BlockShutdown { get; init; }

    public bool MtlsEnabled { get; init; }

    public string SentryAddress { get; init; } = "";

    public ImmutableArray<string> SentryJwtAudiences { get; init; } = [];

    public string ControlPlaneAddress { get; init; } = "";

    public string ControlPlaneTrustDomain { get; init; } = "localhost";

    public string ControlPlaneNamespace { get; init; } = "default";

    public bool KubernetesSecretStoreDisabled { get; init; }

    /// <summary><c>--log-level</c> as given: the log repeats it.</summary>
    public string LogLevelText { get; init; } = "info";

    /// <summary>The level in it is good only if <see cref="LogLevelText"/> names one.</summary>
    public LoggingOptions Logging { get; init; } = new();

    /// <summary>Flags that were given and mean nothing here, as <c>--name</c>: one log line says so.</summary>
    public ImmutableArray<string> IgnoredFlags { get; init; } = [];

    /// <summary>What could not be read as a value, found by the reader, in daprd's order.</summary>
    public OptionTexts Unreadable { get; init; } = new();

    /// <summary>
    /// Everything wrong with the options that daprd finds before it loads the Configuration, in its order; it reports the first and ends
    /// (dapr pkg/runtime/config.go, toInternal).
    /// </summary>
    public ImmutableArray<StartProblem> Validate()
    {
        var problems = ImmutableArray.CreateBuilder<StartProblem>();
        if (Mode == Standalone)
        {
            AddIf(AppId.Length == 0, "parameter app-id cannot be empty");
            AddIf(AppId.Contains('.', StringComparison.Ordinal), "parameter app-id cannot contain dots");
        }

        foreach (var reason in Unreadable.Ports)
        {
            AddIf(true, reason);
        }

        if (Unreadable.Ports.IsEmpty)
        {
            AddIf(AppPort == HttpPort, $"the 'dapr-http-port' argument value {HttpPort} conflicts with 'app-port'");
            AddIf(AppPort == GrpcPort, $"the 'dapr-grpc-port' argument value {GrpcPort} conflicts with 'app-port'");
        }

        AddIf(Unreadable.AppProtocol is not null, $"invalid value for 'app-protocol': {Unreadable.AppProtocol}");
        foreach (var endpoint in DisabledInitEndpoints)
        {
            AddIf(endpoint is not ("config" or "subscribe"), $"invalid value for 'disable-init-endpoints': {endpoint}");
        }

        AddIf(
            AppHealthProbeTimeout > AppHealthProbeInterval,
            "value for 'health-probe-timeout' must be smaller than 'health-probe-interval'");
        return problems.ToImmutable();

        void AddIf(bool isWrong, string reason)
        {
            if (isWrong)
            {
                problems.Add(StartProblem.OfRuntime(reason));
            }
        }
    }

    /// <summary>What daprd finds only after the Configuration was loaded, in its order.</summary>
    public ImmutableArray<StartProblem> ValidateAfterConfiguration()
    {
        var problems = ImmutableArray.CreateBuilder<StartProblem>();
        if (Mode is not (Standalone or Kubernetes))
        {
            problems.Add(StartProblem.OfRuntime($"invalid mode: {Mode}"));
        }

        if (MetricsEnabled && Unreadable.MetricsPort is not null)
        {
            problems.Add(StartProblem.OfRuntime($"failed to parse metrics port: {Unreadable.MetricsPort}"));
        }
        else if (MetricsEnabled && !IsPort(MetricsPort))
        {
            problems.Add(StartProblem.OfRuntime(
                $"failed to listen on {MetricsListenAddress}:{MetricsPort}: listen tcp: address {MetricsPort}: invalid port"));
        }

        if (PublicPort is { } port && !IsPort(port))
        {
            // No "Fatal error from runtime" here: the HTTP server itself says it.
            problems.Add(new StartProblem("dapr.runtime.http", $"listen tcp: address {port}: invalid port"));
        }

        return problems.ToImmutable();
    }

    private static bool IsPort(int port) => port is >= 0 and <= ushort.MaxValue;
}

/// <summary>Values of flags that could not be read, and why, in the words of daprd.</summary>
internal sealed record OptionTexts
{
    /// <summary>One reason per unreadable port.</summary>
    public ImmutableArray<string> Ports { get; init; } = [];

    /// <summary>A protocol nobody knows, as given; null: it was good.</summary>
    public string? AppProtocol { get; init; }

    /// <summary>Why the metrics port is no number; null: it is one.</summary>
    public string? MetricsPort { get; init; }
}
