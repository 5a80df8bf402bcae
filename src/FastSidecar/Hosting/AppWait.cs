using FastSidecar.Configuration;
using FastSidecar.Targets.Apps;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>
/// Waits until the app's port accepts connections, for https and grpcs also until it completes a TLS handshake: a try every 100 ms, for ever (dapr pkg/runtime/runtime.go v1.18.3).
/// </summary>
internal sealed partial class AppWait(string address, int port, AppProtocol protocol, TimeProvider time, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>Every so many tries a line says that the wait goes on.</summary>
    private const int TriesPerLine = 100;

    private readonly AppPort _app = new(address, port, tls: protocol is AppProtocol.Https or AppProtocol.Grpcs);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        Log.Waiting(log, protocol.ToString().ToLowerInvariant(), port);
        for (var tries = 1; !await IsListeningAsync(cancellationToken); tries++)
        {
            if (tries % TriesPerLine == 0)
            {
                Log.StillWaiting(log, port);
            }

            await Task.Delay(Pause, time, cancellationToken);
        }

        Log.Discovered(log, port);
    }

    private async Task<bool> IsListeningAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await _app.ConnectAsync(either.Token) is null;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "application protocol: {Protocol}. waiting on port {Port}.  This will block until the app is listening on that port.")]
        public static partial void Waiting(ILogger logger, string protocol, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "waiting for application to listen on port {Port}")]
        public static partial void StillWaiting(ILogger logger, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "application discovered on port {Port}")]
        public static partial void Discovered(ILogger logger, int port);
    }
}
