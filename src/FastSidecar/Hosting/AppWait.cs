using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using FastSidecar.Configuration;
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

    /// <summary>Apps bring certificates of their own: daprd asks for none in particular.</summary>
    private static readonly SslClientAuthenticationOptions AnyCertificate = new() { RemoteCertificateValidationCallback = static (_, _, _, _) => true };

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
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(address.TrimStart('[').TrimEnd(']'), port, either.Token);
            if (protocol is AppProtocol.Https or AppProtocol.Grpcs)
            {
                await using var tls = new SslStream(new NetworkStream(socket));
                await tls.AuthenticateAsClientAsync(AnyCertificate, either.Token);
            }

            return true;
        }
        catch (Exception e) when (e is SocketException or IOException or AuthenticationException or ArgumentException)
        {
            // The last one: a port number that no port has, which daprd waits for like for any other.
            return false;
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
