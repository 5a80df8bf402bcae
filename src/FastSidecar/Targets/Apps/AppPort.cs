using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace FastSidecar.Targets.Apps;

/// <summary>Asks whether somebody listens where the app should be, and for an app with TLS whether a handshake completes.</summary>
/// <param name="address">A host name or an address; IPv6 with or without its brackets.</param>
/// <param name="port">May be no port at all: then nobody listens there.</param>
/// <param name="tls">The app speaks TLS.</param>
internal sealed class AppPort(string address, int port, bool tls)
{
    /// <summary>Apps bring certificates of their own: daprd asks for none in particular.</summary>
    private static readonly SslClientAuthenticationOptions AnyCertificate = new() { RemoteCertificateValidationCallback = static (_, _, _, _) => true };

    /// <summary>Connects and closes again. Null, or why that failed, in the words of Go's net package; OperationCanceledException when called off.</summary>
    public async Task<string?> ConnectAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(address.TrimStart('[').TrimEnd(']'), port, cancellationToken);
            if (tls)
            {
                await using var stream = new SslStream(new NetworkStream(socket));
                await stream.AuthenticateAsClientAsync(AnyCertificate, cancellationToken);
            }

            return null;
        }
        catch (SocketException e)
        {
            return $"dial tcp {address}:{port}: connect: {AppFailure.Describe(e)}";
        }
        catch (ArgumentException)
        {
            return $"dial tcp: address {port}: invalid port";
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
            return $"tls: {e.Message}";
        }
    }
}
