using Microsoft.Extensions.Logging;

namespace FastSidecar.Configuration;

/// <summary>
/// The part of a start that decides whether the options and files are good, in daprd's order and with its lines (dapr
/// pkg/runtime/config.go, FromConfig). It comes after security and before anything listens.
/// </summary>
internal static partial class StartConfiguration
{
    /// <summary>
    /// Checks <paramref name="options"/> and loads the Configuration. <paramref name="internalGrpcPort"/> and
    /// <paramref name="hostAddress"/> are what files may name as variables. Throws <see cref="SidecarStartException"/>.
    /// </summary>
    public static ConfigurationResource Load(
        SidecarOptions options, EnvironmentVariables environment, int internalGrpcPort, string? hostAddress, ILogger log)
    {
        ThrowFirst(options.Validate());
        if (options.AppSslUsed)
        {
            Log.AppSslDeprecated(log, options.AppProtocol == AppProtocol.Https ? "https" : "grpcs");
        }

        if (hostAddress is null)
        {
            Log.NoHostAddress(log);
        }

        var configuration = LoadFiles(options, environment, internalGrpcPort, hostAddress, log);
        if (configuration.EnabledFeatures.Length > 0)
        {
            Log.EnabledFeatures(log, string.Join(' ', configuration.EnabledFeatures));
        }

        ThrowFirst(options.ValidateAfterConfiguration());
        if (options.ResourcesPaths.FirstOrDefault(static path => !Path.Exists(path)) is { } missing)
        {
            // The words are those of daprd's watcher for changed files, which finds it first.
            throw new SidecarStartException($"failed to create watcher: failed to add target {missing}: no such file or directory");
        }

        return configuration;
    }

    private static ConfigurationResource LoadFiles(
        SidecarOptions options, EnvironmentVariables environment, int internalGrpcPort, string? hostAddress, ILogger log)
    {
        // An unknown mode loads no file either; it is reported when they would have been loaded.
        if (options.ConfigPaths.IsEmpty || options.Mode != SidecarOptions.Standalone)
        {
            Log.DefaultConfiguration(log);
            return ConfigurationResource.Default;
        }

        Log.LoadingFiles(log, string.Join(", ", options.ConfigPaths));
        var variables = ConfigurationLoader.Variables(environment, options, internalGrpcPort, hostAddress);
        var configuration = ConfigurationLoader.Load(options.ConfigPaths, variables);
        foreach (var key in configuration.UnknownKeys)
        {
            Log.UnknownKey(log, key);
        }

        return configuration;
    }

    private static void ThrowFirst(System.Collections.Immutable.ImmutableArray<StartProblem> problems)
    {
        if (problems.Length > 0)
        {
            throw new SidecarStartException(problems[0]);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The 'app-ssl' flag is deprecated; use 'app-protocol={Protocol}' instead")]
        public static partial void AppSslDeprecated(ILogger logger, string protocol);

        [LoggerMessage(Level = LogLevel.Warning, Message = "failed to get host address, env variable HOST_ADDRESS will not be set")]
        public static partial void NoHostAddress(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "loading default configuration")]
        public static partial void DefaultConfiguration(ILogger logger);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Loading config from file(s): {Paths}")]
        public static partial void LoadingFiles(ILogger logger, string paths);

        [LoggerMessage(Level = LogLevel.Information, Message = "Enabled features: {Features}")]
        public static partial void EnabledFeatures(ILogger logger, string features);

        // Ours: daprd says nothing, and the mistake is found when the setting has no effect.
        [LoggerMessage(Level = LogLevel.Information, Message = "Unknown key in configuration file {Key}")]
        public static partial void UnknownKey(ILogger logger, string key);
    }
}
