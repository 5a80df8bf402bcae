using FastSidecar.Configuration;
using FastSidecar.Invocation;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>
/// Takes a sidecar down in Dapr's order: metrics and gRPC ports first and without limit, then, inside one grace period, name resolution, the HTTP API and the connections
/// (dapr pkg/runtime/runtime.go v1.18.3, dapr/kit concurrency/closer.go).
/// </summary>
internal sealed partial class ShutdownSequence(RunningParts parts, Readiness readiness, SidecarOptions options, TimeProvider time, ILogger log, ILogger httpLog)
{
    /// <summary>Requests under way on the HTTP ports get this long whatever the grace period says.</summary>
    private static readonly TimeSpan HttpDrain = TimeSpan.FromSeconds(10);

    /// <summary>Keeps serving for the block period that was asked for.</summary>
    public async Task BlockAsync(CancellationToken cancellationToken)
    {
        readiness.SetNotReady(Readiness.SecurityProvider);
        if (options.BlockShutdown is not { } block)
        {
            return;
        }

        Log.Blocking(log, Configuration.Flags.GoDuration.Format(block));
        await Task.Delay(block, time, cancellationToken);
        Log.BlockExpired(log);
    }

    /// <summary>Stops everything. Returns null, or the fatal line with which daprd ends when the time is over.</summary>
    public async Task<string?> RunAsync()
    {
        readiness.SetNotReady(Readiness.SecurityProvider);
        readiness.SetNotReady(Readiness.GrpcApiServer);
        readiness.SetNotReady(Readiness.GrpcInternalServer);

        // 1. No limit here, as in daprd: calls from other sidecars finish.
        await Task.WhenAll(
            StopAsync(parts.Metrics, Timeout.InfiniteTimeSpan),
            parts.GrpcApi?.DrainAsync() ?? Task.CompletedTask,
            parts.Internal?.DrainAsync() ?? Task.CompletedTask);

        // 2. From here on the grace period counts.
        Log.ShuttingDown(log);
        var stopping = StopWithinGraceAsync();
        if (options.GracefulShutdown == Timeout.InfiniteTimeSpan)
        {
            return await stopping;
        }

        using var graceOver = new CancellationTokenSource();
        var grace = Task.Delay(options.GracefulShutdown, time, graceOver.Token);
        if (await Task.WhenAny(stopping, grace) == grace)
        {
            return "Graceful shutdown timeout exceeded, forcing shutdown";
        }

        await graceOver.CancelAsync();
        return await stopping;
    }

    private async Task<string?> StopWithinGraceAsync()
    {
        var resolution = StopResolutionAsync();
        LogClosing();
        var drained = await Task.WhenAll(StopAsync(parts.HttpApi, HttpDrain), StopAsync(parts.PublicHttp, HttpDrain));
        await resolution;
        await ReleaseAsync();
        Log.Stopped(log);
        return drained.Contains(false) ? "Fatal error from runtime: context deadline exceeded" : null;
    }

    private async Task StopResolutionAsync()
    {
        foreach (var part in parts.Resolution)
        {
            await part.DisposeAsync();
        }
    }

    private async Task ReleaseAsync()
    {
        if (parts.Internal is not null)
        {
            await parts.Internal.DisposeAsync();
        }

        if (parts.GrpcApi is not null)
        {
            await parts.GrpcApi.DisposeAsync();
        }

        if (parts.Channels is not null)
        {
            await parts.Channels.DisposeAsync();
        }

        if (parts.App is not null)
        {
            await parts.App.DisposeAsync();
        }

        foreach (var file in parts.SocketFiles)
        {
            File.Delete(file);
        }
    }

    /// <summary>Stops a server; false when requests under way outlasted <paramref name="patience"/>.</summary>
    private async Task<bool> StopAsync(Api.Http.HttpServer? server, TimeSpan patience)
    {
        if (server is null)
        {
            return true;
        }

        using var limit = new CancellationTokenSource(patience, time);
        await server.StopAsync(limit.Token);
        await server.DisposeAsync();
        return !limit.IsCancellationRequested;
    }

    private void LogClosing()
    {
        if (parts.PublicHttp is not null)
        {
            Log.ClosingHttp(httpLog, $"{options.PublicListenAddress}:{options.PublicPort}");
        }

        if (parts.HttpApi is not null)
        {
            Log.ClosingHttp(httpLog, $"{(options.ListenAddresses[0].Length == 0 ? "[::]" : options.ListenAddresses[0])}:{options.HttpPort}");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Blocking graceful shutdown for {Block} or until app reports unhealthy...")]
        public static partial void Blocking(ILogger logger, string block);

        [LoggerMessage(Level = LogLevel.Information, Message = "Block shutdown period expired, entering shutdown...")]
        public static partial void BlockExpired(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Dapr is shutting down")]
        public static partial void ShuttingDown(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Closing HTTP server {EndPoint}…")]
        public static partial void ClosingHttp(ILogger logger, string endPoint);

        [LoggerMessage(Level = LogLevel.Information, Message = "Dapr runtime stopped")]
        public static partial void Stopped(ILogger logger);
    }
}
