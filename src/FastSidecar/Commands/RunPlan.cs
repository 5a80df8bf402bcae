using System.Globalization;
using FastSidecar.Configuration;

namespace FastSidecar.Commands;

/// <summary>
/// What <c>run</c> starts: the sidecar's words, the app's words and what is added to the app's environment (dapr/cli
/// pkg/standalone/run.go). Pure: free ports, files and names come in.
/// </summary>
internal sealed record RunPlan
{
    public required string AppId { get; init; }

    public required int HttpPort { get; init; }

    public required int GrpcPort { get; init; }

    /// <summary>The app is called on it; null: it takes no calls.</summary>
    public required int? AppPort { get; init; }

    /// <summary>The HTTP API is a socket file in place of a port; null: the port.</summary>
    public required string? HttpSocketPath { get; init; }

    public required IReadOnlyList<string> SidecarArguments { get; init; }

    /// <summary>Empty: only the sidecar runs.</summary>
    public required IReadOnlyList<string> AppCommand { get; init; }

    /// <summary>Set beside what the app inherits.</summary>
    public required IReadOnlyDictionary<string, string> AppVariables { get; init; }

    /// <param name="flags">As read.</param>
    /// <param name="environment">For the runtime folder.</param>
    /// <param name="takeFreePort">Gives another free port at each call.</param>
    /// <param name="exists">Whether a file or folder is there: the runtime folder's own files are used only then.</param>
    /// <param name="random">Makes up an app id.</param>
    public static RunPlan Make(
        RunFlags flags, EnvironmentVariables environment, Func<int> takeFreePort, Func<string, bool> exists, Random random)
    {
        var appId = flags.AppId.Value.Length > 0 ? flags.AppId.Value : AppName.MakeUp(random);
        var httpPort = PortOrFree(flags.HttpPort.Value, takeFreePort);
        var grpcPort = PortOrFree(flags.GrpcPort.Value, takeFreePort);
        var internalPort = PortOrFree(flags.InternalGrpcPort.Value, takeFreePort);
        var metricsPort = PortOrFree(flags.MetricsPort.Value, takeFreePort);
        var profilePort = flags.EnableProfiling.Value ? PortOrFree(flags.ProfilePort.Value, takeFreePort) : -1;
        int? appPort = flags.AppPort.Value > 0 ? (int)flags.AppPort.Value : null;
        var folder = RuntimeFolder(flags, environment);

        var arguments = new ArgumentList();
        var defaultConfig = IfExists(Path.Combine(folder, "config.yaml"), exists);
        arguments.Add("--config", flags.Config.Value.Length > 0 ? flags.Config.Value : defaultConfig);
        arguments.Add("--app-protocol", flags.AppProtocol.Value);
        arguments.Add("--dapr-listen-addresses", flags.ListenAddresses.Value);
        arguments.AddSwitch("--enable-profiling", flags.EnableProfiling.Value);
        arguments.Add("--log-level", flags.LogLevel.Value);
        arguments.Add("--app-max-concurrency", Number(flags.AppMaxConcurrency.Value));
        foreach (var path in ResourcesPaths(flags, folder, exists))
        {
            arguments.Add("--resources-path", path);
        }

        arguments.AddSwitch("--app-ssl", flags.AppSsl.Value);
        arguments.Add("--max-body-size", flags.MaxBodySize.Value);
        arguments.Add("--read-buffer-size", flags.ReadBufferSize.Value);
        arguments.AddSwitch("--enable-app-health-check", flags.EnableAppHealthCheck.Value);
        arguments.Add("--app-health-check-path", flags.AppHealthCheckPath.Value);
        arguments.AddNonZero("--app-health-probe-interval", flags.AppHealthProbeInterval.Value);
        arguments.AddNonZero("--app-health-probe-timeout", flags.AppHealthProbeTimeout.Value);
        arguments.AddNonZero("--app-health-threshold", flags.AppHealthThreshold.Value);
        arguments.AddSwitch("--enable-api-logging", flags.EnableApiLogging.Value);
        arguments.Add("--app-id", appId);
        arguments.Add("--app-channel-address", flags.AppChannelAddress.Value == "127.0.0.1" ? "" : flags.AppChannelAddress.Value);
        arguments.Add("--app-port", appPort is { } port ? Number(port) : "");
        arguments.Add("--dapr-http-port", Number(httpPort));
        arguments.Add("--dapr-grpc-port", Number(grpcPort));
        arguments.Add("--profile-port", Number(profilePort));
        arguments.Add("--metrics-port", Number(metricsPort));
        arguments.Add("--unix-domain-socket", flags.UnixDomainSocket.Value);
        arguments.Add("--dapr-internal-grpc-port", Number(internalPort));
        arguments.AddSwitch("--log-as-json", flags.LogAsJson.Value);
        arguments.Add("--mdns-interface", flags.MdnsInterface.Value);
        arguments.Add("--replay-buffer-size", flags.ReplayBufferSize.IsGiven ? flags.ReplayBufferSize.Value : "");

        return new RunPlan
        {
            AppId = appId,
            HttpPort = httpPort,
            GrpcPort = grpcPort,
            AppPort = appPort,
            HttpSocketPath = flags.UnixDomainSocket.Value.Length > 0
                ? Path.Combine(flags.UnixDomainSocket.Value, $"dapr-{appId}-http.socket")
                : null,
            SidecarArguments = arguments.Words,
            AppCommand = flags.Set.Arguments,
            AppVariables = Variables(flags, appId, appPort, httpPort, grpcPort, metricsPort),
        };
    }

    private static Dictionary<string, string> Variables(
        RunFlags flags, string appId, int? appPort, int httpPort, int grpcPort, int metricsPort)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["APP_ID"] = appId,
            ["APP_CHANNEL_ADDRESS"] = flags.AppChannelAddress.Value,
            ["APP_PROTOCOL"] = flags.AppProtocol.Value,
        };
        AddPort("APP_PORT", appPort ?? 0);
        AddPort("DAPR_HTTP_PORT", httpPort);
        AddPort("DAPR_GRPC_PORT", grpcPort);
        AddPort("DAPR_METRICS_PORT", metricsPort);
        return variables;

        void AddPort(string name, int port)
        {
            if (port > 0)
            {
                variables[name] = Number(port);
            }
        }
    }

    private static string RuntimeFolder(RunFlags flags, EnvironmentVariables environment)
    {
        var parent = flags.RuntimePath.Value.Length > 0 ? flags.RuntimePath.Value
            : environment.RuntimePath.Length > 0 ? environment.RuntimePath
            : environment.Home;
        return Path.Combine(parent, ".dapr");
    }

    /// <summary>The runtime folder's components count only where no folder was named.</summary>
    private static IEnumerable<string> ResourcesPaths(RunFlags flags, string folder, Func<string, bool> exists)
    {
        if (flags.ResourcesPath.Values.Count > 0)
        {
            return flags.ResourcesPath.Values;
        }

        return [flags.ComponentsPath.Value.Length > 0 ? flags.ComponentsPath.Value : IfExists(Path.Combine(folder, "components"), exists)];
    }

    private static string IfExists(string path, Func<string, bool> exists) => exists(path) ? path : "";

    private static int PortOrFree(long port, Func<int> takeFreePort) => port < 0 ? takeFreePort() : (int)Math.Min(port, int.MaxValue);

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>Words of a command line; what is empty, off or zero is left out.</summary>
    private sealed class ArgumentList
    {
        private readonly List<string> _words = [];

        public IReadOnlyList<string> Words => _words;

        public void Add(string flag, string value)
        {
            if (value.Length > 0)
            {
                _words.Add(flag);
                _words.Add(value);
            }
        }

        public void AddSwitch(string flag, bool isOn)
        {
            if (isOn)
            {
                _words.Add(flag);
            }
        }

        public void AddNonZero(string flag, long value) => Add(flag, value == 0 ? "" : Number(value));
    }
}
