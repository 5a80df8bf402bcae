using System.Collections.Immutable;
using System.Globalization;
using FastSidecar.Configuration.Yaml;

namespace FastSidecar.Configuration;

/// <summary>Loads <c>--config</c> files, one on top of the other (dapr pkg/config/configuration.go, LoadStandaloneConfiguration).</summary>
internal static class ConfigurationLoader
{
    /// <summary>
    /// The files in <paramref name="paths"/>; <see cref="ConfigurationResource.Default"/> without any. <paramref name="lookUp"/> gives the
    /// variables that the texts name. Throws <see cref="SidecarStartException"/>.
    /// </summary>
    public static ConfigurationResource Load(ImmutableArray<string> paths, Func<string, string?> lookUp)
    {
        var root = new YamlSection();
        var unknownKeys = ImmutableArray.CreateBuilder<string>();
        foreach (var path in paths)
        {
            try
            {
                var text = EnvironmentExpansion.Expand(ReadFile(path), lookUp);
                var decoder = new YamlDecoder();
                if (YamlReader.Read(text) is { } document)
                {
                    decoder.Decode(document, ConfigurationSchema.Root, root);
                }

                unknownKeys.AddRange(decoder.UnknownKeys.Select(key => $"{path}: {key}"));
            }
            catch (YamlReadException e)
            {
                throw Failure(e.Message, e);
            }
        }

        CheckSecrets(root.Section("spec").Section("secrets"));
        return ConfigurationResource.From(root) with { UnknownKeys = unknownKeys.ToImmutable() };
    }

    /// <summary>
    /// The environment that files are expanded with: the process's own and what daprd adds to it (dapr pkg/runtime/config.go, FromConfig).
    /// <paramref name="hostAddress"/> is null when this host has none.
    /// </summary>
    public static Func<string, string?> Variables(
        EnvironmentVariables environment, SidecarOptions options, int internalGrpcPort, string? hostAddress)
    {
        var added = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["APP_ID"] = options.AppId,
            ["APP_PORT"] = Number(options.AppPort),
            ["HOST_ADDRESS"] = hostAddress ?? "",
            ["DAPR_PORT"] = Number(internalGrpcPort),
            ["DAPR_GRPC_PORT"] = Number(options.GrpcPort),
            ["DAPR_HTTP_PORT"] = Number(options.HttpPort),
            ["DAPR_METRICS_PORT"] = Number(options.MetricsPort),
            ["DAPR_PROFILE_PORT"] = Number(options.ProfilePort),
        };
        return name => added.TryGetValue(name, out var value) ? value : environment[name];

        static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);
    }

    private static string ReadFile(string path)
    {
        if (!Path.Exists(path))
        {
            throw Failure($"stat {path}: no such file or directory", null);
        }

        if (Directory.Exists(path))
        {
            throw Failure($"read {path}: is a directory", null);
        }

        try
        {
            return File.ReadAllText(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw Failure($"open {path}: permission denied", e);
        }
        catch (IOException e)
        {
            throw Failure($"read {path}: {e.Message}", e);
        }
    }

    /// <summary>Secrets are not ours, but daprd ends on these two mistakes.</summary>
    private static void CheckSecrets(YamlSection secrets)
    {
        var stores = new HashSet<string>(StringComparer.Ordinal);
        foreach (var scope in secrets.Sections("scopes"))
        {
            var store = scope.Text("storeName");
            if (!stores.Add(store))
            {
                throw Failure($"{store} storeName is repeated in secrets configuration", null);
            }

            var access = scope.Text("defaultAccess");
            if (access.ToLowerInvariant() is not ("" or "allow" or "deny"))
            {
                throw Failure($"defaultAccess {access} can be either allow or deny", null);
            }
        }
    }

    private static SidecarStartException Failure(string reason, Exception? inner) => new($"error loading configuration: {reason}", inner);
}
