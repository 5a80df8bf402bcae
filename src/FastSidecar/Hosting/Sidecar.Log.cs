using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <content>The lines that scripts and people wait for; texts are daprd's (recorded: runtime/logs.json).</content>
internal sealed partial class Sidecar
{
    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "{Mode} mode configured")]
        public static partial void Mode(ILogger logger, string mode);

        [LoggerMessage(Level = LogLevel.Information, Message = "app id: {AppId}")]
        public static partial void AppId(ILogger logger, string appId);

        [LoggerMessage(Level = LogLevel.Information, Message = "metrics server started on {Address}:{Port}/")]
        public static partial void MetricsStarted(ILogger logger, string address, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "Dapr trace sampler initialized: ParentBased{{root:TraceIDRatioBased{{{Rate}}},remoteParentSampled:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,localParentNotSampled:AlwaysOffSampler}}")]
        public static partial void Sampler(ILogger logger, string rate);

        [LoggerMessage(Level = LogLevel.Information, Message = "Loading components…")]
        public static partial void LoadingComponents(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for all outstanding components to be processed…")]
        public static partial void WaitingForComponents(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "All outstanding components processed")]
        public static partial void ComponentsProcessed(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Loading endpoints…")]
        public static partial void LoadingEndpoints(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Waiting for all outstanding http endpoints to be processed…")]
        public static partial void WaitingForEndpoints(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "All outstanding http endpoints processed")]
        public static partial void EndpointsProcessed(ILogger logger);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Refreshing channels")]
        public static partial void RefreshingChannels(ILogger logger);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Channels refreshed")]
        public static partial void ChannelsRefreshed(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "App channel is not initialized. Did you configure an app-port?")]
        public static partial void NoAppChannel(ILogger logger);

        // Ours: the flag is accepted so that scripts keep working, and nobody should have to find this out from failing calls.
        [LoggerMessage(Level = LogLevel.Information, Message = "app max concurrency set to {Limit}")]
        public static partial void MaxConcurrency(ILogger logger, int limit);

        [LoggerMessage(Level = LogLevel.Information, Message = "Enabled gRPC tracing middleware")]
        public static partial void GrpcTracingEnabled(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "API gRPC server is running on port {Port}")]
        public static partial void GrpcRunning(ILogger logger, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "API gRPC server is running on a Unix Domain Socket")]
        public static partial void GrpcOnSocket(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Enabled token authentication on HTTP server")]
        public static partial void TokenEnabled(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Enabled max body size HTTP middleware with size {Bytes} bytes")]
        public static partial void BodyLimit(ILogger logger, long bytes);

        [LoggerMessage(Level = LogLevel.Information, Message = "Enabled tracing HTTP middleware")]
        public static partial void TracingEnabled(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "HTTP server is running on port {Port}")]
        public static partial void HttpRunning(ILogger logger, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "HTTP server is running on a Unix Domain Socket")]
        public static partial void HttpOnSocket(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "The request body size parameter is: {Bytes} bytes")]
        public static partial void BodyLimitParameter(ILogger logger, long bytes);

        [LoggerMessage(Level = LogLevel.Information, Message = "Internal gRPC server is running on {Address}:{Port}")]
        public static partial void InternalRunning(ILogger logger, string address, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "dapr initialized. Status: Running. Init Elapsed {Elapsed}ms")]
        public static partial void Initialized(ILogger logger, long elapsed);
    }
}
