using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using FastSidecar.Configuration.Flags;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Configuration;

/// <summary>
/// Flags and environment → <see cref="SidecarOptions"/>, as dapr cmd/daprd/options/options.go and pkg/runtime/config.go do it.
/// </summary>
internal static class SidecarOptionsReader
{
    private const int MaxReplayBufferBytes = 64 << 20;

    /// <summary>False with the reason that daprd logs as <c>Failed to parse flags: …</c>.</summary>
    public static bool TryRead(
        DaprdFlags flags,
        EnvironmentVariables environment,
        string hostName,
        [NotNullWhen(true)] out SidecarOptions? options,
        [NotNullWhen(false)] out string? error)
    {
        options = null;
        const int Mega = 1 << 20;
        const int Kilo = 1 << 10;
        if (!TryReadBytes(flags.MaxBodySize, flags.MaxRequestSizeMb, Mega, SidecarOptions.DefaultMaxBodyBytes, out var maxBody, out error)
            || !TryReadBytes(
                flags.ReadBufferSize, flags.ReadBufferSizeKb, Kilo, SidecarOptions.DefaultReadBufferBytes, out var readBuffer, out error)
            || !TryReadReplayBytes(flags.ReplayBufferSize, out var replayBuffer, out error))
        {
            return false;
        }

        if (flags.ActorsDisseminateTimeout.Value <= TimeSpan.Zero)
        {
            var given = GoDuration.Format(flags.ActorsDisseminateTimeout.Value);
            error = $"invalid value for 'actors-disseminate-timeout' option: must be positive, got {given}";
            return false;
        }

        var ports = new PortReader();
        options = new SidecarOptions
        {
            AppId = flags.AppId.Value,
            Namespace = environment.Namespace,
            Mode = flags.Mode.Value,
            ConfigPaths = [.. flags.Config.Values],
            ResourcesPaths = ReadResourcesPaths(flags),
            UnixDomainSocketFolder = flags.UnixDomainSocket.Value,
            MdnsInterface = flags.MdnsInterface.Value,
            HttpPort = ports.Read(flags.HttpPort.Value, "dapr-http-port flag"),
            GrpcPort = ports.Read(flags.GrpcPort.Value, "dapr-grpc-port flag"),
            ProfilePort = ports.Read(flags.ProfilePort.Value, "profile-port flag"),
            InternalGrpcPort = flags.InternalGrpcPort.Value is "" or "0"
                ? null
                : ports.Read(flags.InternalGrpcPort.Value, "dapr-internal-grpc-port"),
            PublicPort = flags.PublicPort.Value.Length == 0 ? null : ports.Read(flags.PublicPort.Value, "dapr-public-port"),
            AppPort = flags.AppPort.Value.Length == 0 ? 0 : ports.Read(flags.AppPort.Value, "app-port"),
            InternalGrpcListenAddress = flags.InternalGrpcListenAddress.Value,
            ListenAddresses = [.. flags.ListenAddresses.Value.Split(',')],
            PublicListenAddress = flags.PublicListenAddress.Value,
            MetricsEnabled = flags.EnableMetrics.Value,
            MetricsPort = GoNumber.TryAtoi(flags.MetricsPort.Value, out var metricsPort, out var metricsPortError) ? Clamp(metricsPort) : 0,
            MetricsListenAddress = flags.MetricsListenAddress.Value,
            ProfilingEnabled = flags.EnableProfiling.Value,
            AppProtocol = ReadProtocol(flags, out var unknownProtocol),
            AppSslUsed = flags.AppSsl.Value && flags.AppProtocol.Value.ToLowerInvariant() is "http" or "grpc",
            AppChannelAddress = flags.AppChannelAddress.Value,
            AppMaxConcurrency = flags.AppMaxConcurrency.Value == -1 ? 0 : Clamp(flags.AppMaxConcurrency.Value),
            AppHealthCheckEnabled = flags.EnableAppHealthCheck.Value,
            AppHealthCheckPath = flags.AppHealthCheckPath.Value,
            AppHealthProbeInterval = PositiveOr(TimeSpan.FromSeconds(5), flags.AppHealthProbeInterval.Value, TimeSpan.TicksPerSecond),
            AppHealthProbeTimeout = PositiveOr(
                TimeSpan.FromMilliseconds(500), flags.AppHealthProbeTimeout.Value, TimeSpan.TicksPerMillisecond),
            AppHealthThreshold = flags.AppHealthThreshold.Value is >= 1 and < int.MaxValue ? (int)flags.AppHealthThreshold.Value : 3,
            DisabledInitEndpoints = ReadInitEndpoints(flags),
            MaxBodyBytes = maxBody,
            ReadBufferBytes = readBuffer,
            ReplayBufferBytes = replayBuffer,
            AllowedOrigins = flags.AllowedOrigins.Value,
            ApiLogging = flags.EnableApiLogging.IsGiven ? flags.EnableApiLogging.Value : null,
            GracefulShutdown = ReadGrace(flags.GracefulShutdownSeconds.Value),
            BlockShutdown = flags.BlockShutdownDuration.IsGiven ? flags.BlockShutdownDuration.Value : null,
            MtlsEnabled = flags.EnableMtls.Value,
            SentryAddress = flags.SentryAddress.Value,
            SentryJwtAudiences = [.. flags.SentryJwtAudiences.Values],
            ControlPlaneAddress = flags.ControlPlaneAddress.Value,
            ControlPlaneTrustDomain = FlagOr(flags.ControlPlaneTrustDomain, environment.ControlPlaneTrustDomain),
            ControlPlaneNamespace = FlagOr(flags.ControlPlaneNamespace, environment.ControlPlaneNamespace),
            KubernetesSecretStoreDisabled = flags.DisableK8sSecretStore.Value,
            LogLevelText = flags.LogLevel.Value,
            Logging = ReadLogging(flags, hostName),
            IgnoredFlags = [.. flags.IgnoredGiven],
            Unreadable = new OptionTexts { Ports = [.. ports.Errors], AppProtocol = unknownProtocol, MetricsPort = metricsPortError },
        };
        return true;
    }

    /// <summary>The quantity wins over the deprecated number; -1 means the default.</summary>
    private static bool TryReadBytes(
        Flag<string> quantity, Flag<long> deprecated, int unit, long defaultBytes, out long bytes, [NotNullWhen(false)] out string? error)
    {
        error = null;
        bytes = defaultBytes;
        if (quantity.IsGiven)
        {
            if (!Quantity.TryParseBytes(quantity.Value, out bytes, out var reason))
            {
                error = $"invalid value for '{quantity.Name}' option: {reason}";
                return false;
            }
        }
        else if (deprecated.IsGiven)
        {
            bytes = deprecated.Value > 0 ? Math.Min(deprecated.Value, long.MaxValue / unit) * unit : deprecated.Value;
        }

        bytes = bytes == -1 ? defaultBytes : bytes;
        return true;
    }

    /// <summary>Ours, so it is strict: one buffer of that size may be held by every request.</summary>
    private static bool TryReadReplayBytes(Flag<string> quantity, out int bytes, [NotNullWhen(false)] out string? error)
    {
        bytes = 0;
        if (!Quantity.TryParseBytes(quantity.Value, out var wanted, out var reason))
        {
            error = $"invalid value for '{quantity.Name}' option: {reason}";
            return false;
        }

        if (wanted is < 0 or > MaxReplayBufferBytes)
        {
            error = $"invalid value for '{quantity.Name}' option: must be between 0 and 64Mi, got {quantity.Value}";
            return false;
        }

        bytes = (int)wanted;
        error = null;
        return true;
    }

    private static ImmutableArray<string> ReadResourcesPaths(DaprdFlags flags) =>
        flags.ResourcesPath.Values.Count > 0 ? [.. flags.ResourcesPath.Values]
        : flags.ComponentsPath.Value.Length > 0 ? [flags.ComponentsPath.Value]
        : [];

    private static AppProtocol ReadProtocol(DaprdFlags flags, out string? unknown)
    {
        unknown = null;
        switch (flags.AppProtocol.Value.ToLowerInvariant())
        {
            case "" or "http":
                return flags.AppSsl.Value && flags.AppProtocol.Value.Length > 0 ? AppProtocol.Https : AppProtocol.Http;
            case "https":
                return AppProtocol.Https;
            case "h2c":
                return AppProtocol.H2c;
            case "grpc":
                return flags.AppSsl.Value ? AppProtocol.Grpcs : AppProtocol.Grpc;
            case "grpcs":
                return AppProtocol.Grpcs;
            default:
                unknown = flags.AppProtocol.Value;
                return AppProtocol.Http;
        }
    }

    private static ImmutableArray<string> ReadInitEndpoints(DaprdFlags flags) =>
        [.. flags.DisableInitEndpoints.Values.Select(static text => text.Trim().ToLowerInvariant()).Where(static text => text.Length > 0)];

    private static TimeSpan ReadGrace(long seconds) => seconds switch
    {
        < 0 => TimeSpan.FromSeconds(5),
        0 => Timeout.InfiniteTimeSpan,
        _ => TimeSpan.FromTicks(Math.Min(seconds, long.MaxValue / TimeSpan.TicksPerSecond) * TimeSpan.TicksPerSecond),
    };

    private static TimeSpan PositiveOr(TimeSpan otherwise, long value, long ticksPerUnit) =>
        value <= 0 ? otherwise : TimeSpan.FromTicks(Math.Min(value, long.MaxValue / ticksPerUnit) * ticksPerUnit);

    private static string FlagOr(Flag<string> flag, string? variable) => flag.IsGiven ? flag.Value : variable ?? flag.Value;

    private static LoggingOptions ReadLogging(DaprdFlags flags, string hostName)
    {
        LoggingOptions.TryParseLevel(flags.LogLevel.Value, out var level);
        return new LoggingOptions
        {
            Level = level,
            AsJson = flags.LogAsJson.Value,
            File = flags.LogFile.Value,
            AppId = flags.AppId.Value,
            Instance = hostName,
            Version = ProductVersion.Dapr,
        };
    }

    /// <summary>No port is valid there, but the number must survive in messages where it fits.</summary>
    private static int Clamp(long value) => (int)Math.Clamp(value, int.MinValue, int.MaxValue);

    /// <summary>Reads ports in daprd's order and keeps what it would say.</summary>
    private sealed class PortReader
    {
        public List<string> Errors { get; } = [];

        public int Read(string text, string what)
        {
            if (GoNumber.TryAtoi(text, out var port, out var error))
            {
                return Clamp(port);
            }

            Errors.Add($"error parsing {what}: {error}");
            return 0;
        }
    }
}
