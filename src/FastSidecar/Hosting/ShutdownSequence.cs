using FastSidecar.Api.Http;
using FastSidecar.Configuration;
using FastSidecar.Configuration.Flags;
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

    /// <summary>A scrape under way gets this long: one that hangs must not hold up what comes after.</summary>
    private static readonly TimeSpan MetricsDrain = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LongestDelay = TimeSpan.FromMilliseconds(int.MaxValue);

    /// <summary>After a signal: keeps serving for the block period that was asked for, if any.</summary>
    /// <param name="appUnhealthy">Completes when the app reports itself unhealthy, or at once when it was never found: nothing is left to wait for.</param>
    /// <param name="asked">Completes when a client asks for the end through the API, which knows no such period.</param>
    public async Task BlockAsync(Task appUnhealthy, Task asked)
    {
        readiness.SetNotReady(Readiness.SecurityProvider);
        if (options.BlockShutdown is not { } block)
        {
            return;
        }

        Log.Blocking(log, GoDuration.Format(block));
        using var ended = new CancellationTokenSource();
        var expired = Task.Delay(Delay(block), time, ended.Token);
        var first = await Task.WhenAny(appUnhealthy, asked, expired);
        await ended.CancelAsync();
        if (first == expired)
        {
            Log.BlockExpired(log);
        }
        else if (first == appUnhealthy)
        {
            Log.AppUnhealthy(log);
        }
    }

    /// <summary>Stops everything. Returns null, or the fatal line with which daprd ends when the time is over: then what is still open is the kernel's to close.</summary>
    public async Task<string?> RunAsync()
    {
        readiness.SetNotReady(Readiness.SecurityProvider);
        readiness.SetNotReady(Readiness.GrpcApiServer);
        readiness.SetNotReady(Readiness.GrpcInternalServer);

        // 1. No limit here, as in daprd: calls from other sidecars finish.
        await Task.WhenAll(StopMetricsAsync(), parts.GrpcApi?.DrainAsync() ?? Task.CompletedTask, parts.Internal?.DrainAsync() ?? Task.CompletedTask);

        // 2. From here on the grace period counts.
        if (options.GracefulShutdown != Timeout.InfiniteTimeSpan)
        {
            Log.Grace(log, GoDuration.Format(options.GracefulShutdown));
        }

        Log.ShuttingDown(log);
        using var ended = new CancellationTokenSource();
        var stopping = StopWithinGraceAsync(ended.Token);
        var grace = Task.Delay(Delay(options.GracefulShutdown), time, ended.Token);
        var isInTime = await Task.WhenAny(stopping, grace) == stopping;
        await ended.CancelAsync();
        return isInTime ? await stopping : "Graceful shutdown timeout exceeded, forcing shutdown";
    }

    /// <summary>A flag's duration as a timer can take it: infinite, none for what is past, and no more than the weeks that a timer can count.</summary>
    private static TimeSpan Delay(TimeSpan given) =>
        given == Timeout.InfiniteTimeSpan ? given : given < TimeSpan.Zero ? TimeSpan.Zero : given > LongestDelay ? LongestDelay : given;

    private async Task<string?> StopWithinGraceAsync(CancellationToken cancellationToken)
    {
        var resolution = StopResolutionAsync();
        foreach (var endPoint in parts.HttpEndPoints)
        {
            Log.ClosingHttp(httpLog, endPoint);
        }

        // Before the requests under way are done: daprd's parts end side by side.
        Log.Stopped(log);
        if (!await StopHttpAsync(cancellationToken))
        {
            return "Fatal error from runtime: context deadline exceeded";
        }

        await resolution;
        await ReleaseAsync();
        return null;
    }

    private async Task StopMetricsAsync()
    {
        using var ended = new CancellationTokenSource();
        await EndsWithinAsync(StopAsync(parts.Metrics), MetricsDrain, ended.Token);
        await ended.CancelAsync();
    }

    /// <summary>Stops the HTTP ports; false when requests under way outlasted their patience. Those are not cut off here: the end of the process does it, with a FIN.</summary>
    private Task<bool> StopHttpAsync(CancellationToken cancellationToken) =>
        EndsWithinAsync(Task.WhenAll(StopAsync(parts.HttpApi), StopAsync(parts.PublicHttp), StopAsync(parts.Profiling)), HttpDrain, cancellationToken);

    private async Task<bool> EndsWithinAsync(Task ending, TimeSpan patience, CancellationToken cancellationToken)
    {
        if (!ending.IsCompleted && await Task.WhenAny(ending, Task.Delay(patience, time, cancellationToken)) != ending)
        {
            return false;
        }

        await ending;
        return true;
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

    /// <summary>Takes no more connections, closes idle ones and waits for requests under way.</summary>
    private static async Task StopAsync(HttpServer? server)
    {
        if (server is not null)
        {
            await server.StopAsync(CancellationToken.None);
            await server.DisposeAsync();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Blocking graceful shutdown for {Block} or until app reports unhealthy...")]
        public static partial void Blocking(ILogger logger, string block);

        [LoggerMessage(Level = LogLevel.Information, Message = "Block shutdown period expired, entering shutdown...")]
        public static partial void BlockExpired(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "App reported unhealthy, entering shutdown...")]
        public static partial void AppUnhealthy(ILogger logger);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Graceful shutdown timeout: {Grace}")]
        public static partial void Grace(ILogger logger, string grace);

        [LoggerMessage(Level = LogLevel.Information, Message = "Dapr is shutting down")]
        public static partial void ShuttingDown(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Closing HTTP server {EndPoint}…")]
        public static partial void ClosingHttp(ILogger logger, string endPoint);

        [LoggerMessage(Level = LogLevel.Information, Message = "Dapr runtime stopped")]
        public static partial void Stopped(ILogger logger);
    }
}
