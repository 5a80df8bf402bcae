using FastSidecar.Configuration;
using FastSidecar.Configuration.Yaml;
using FastSidecar.Observability.Logging;
using FastSidecar.Resolution;
using FastSidecar.Resolution.Mdns;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>Makes the resolver that the Configuration names (dapr pkg/runtime/runtime.go v1.18.3, initNameResolution).</summary>
internal static partial class NameResolution
{
    /// <summary>
    /// The resolver, started; null when there is none of that name. A resolver that could not start is logged as Dapr does and stays: its calls answer with an error.
    /// </summary>
    public static CachingResolver? Create(
        NameResolutionSection configuration,
        SidecarOptions options,
        string hostAddress,
        int internalPort,
        DaprLogging logging,
        ILogger log,
        TimeProvider time,
        RunningParts parts)
    {
        var component = configuration.Component.Length == 0 ? "mdns" : configuration.Component.ToLowerInvariant();
        var version = configuration.Version;
        var entity = $"nr ({component}/{version})";
        if (version is not ("v0" or "v1"))
        {
            Log.NotFound(log, entity, component, version);
            return null;
        }

        var (inner, problem) = component switch
        {
            "mdns" => Mdns(options, hostAddress, internalPort, logging.CreateLogger("dapr.contrib", entity), time, parts),
            "nameformat" => NameFormat(configuration, time),
            _ => (null, null),
        };
        if (inner is null)
        {
            Log.NotFound(log, entity, component, version);
            return null;
        }

        if (problem is not null)
        {
            Log.InitFailed(log, entity, problem);
        }
        else
        {
            Log.Initialized(log, component);
        }

        var resolver = new CachingResolver(inner, new CachingOptions(), time, log);
        resolver.Start();
        parts.Resolution.Insert(0, resolver);
        return resolver;
    }

    private static (INameResolver Resolver, string? Problem) Mdns(
        SidecarOptions options, string hostAddress, int internalPort, ILogger log, TimeProvider time, RunningParts parts)
    {
        var mdns = MdnsResolver.Create(
            new MdnsOptions
            {
                AppId = options.AppId,
                Address = hostAddress,
                Port = internalPort,
                HostName = System.Net.Dns.GetHostName(),
                ProcessId = Environment.ProcessId,
                InterfaceName = options.MdnsInterface.Length == 0 ? null : options.MdnsInterface,
            },
            time,
            new Random(),
            log);
        parts.Resolution.Add(mdns);
        return (mdns, mdns.Start());
    }

    private static (INameResolver Resolver, string? Problem) NameFormat(NameResolutionSection configuration, TimeProvider time)
    {
        var format = configuration.Configuration is YamlMapping mapping && mapping["format"] is YamlScalar scalar ? scalar.Text : null;
        var resolver = new NameFormatResolver(format, time);
        return (resolver, resolver.InitError);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Initialized name resolution to {Component}")]
        public static partial void Initialized(ILogger logger, string component);

        [LoggerMessage(Level = LogLevel.Error, Message = "[CREATE_COMPONENT_FAILURE]: initialization error occurred for {Entity}: couldn't find name resolver {Component}/{Version}")]
        public static partial void NotFound(ILogger logger, string entity, string component, string version);

        [LoggerMessage(Level = LogLevel.Error, Message = "[INIT_COMPONENT_FAILURE]: initialization error occurred for {Entity}: {Reason}")]
        public static partial void InitFailed(ILogger logger, string entity, string reason);
    }
}
