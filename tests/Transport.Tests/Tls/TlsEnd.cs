using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Tls;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>
/// Our end of one connection, as a TLS connection of the product will be made: the credentials say who and whom, this adds what is the same
/// for every connection of a mesh (versions, suites, h2, no resumption) and refuses a peer that has not selected h2.
/// </summary>
internal sealed class TlsEnd : IAsyncDisposable
{
    private TlsEnd(SslStream stream, ITlsCredentials credentials)
    {
        Stream = stream;
        Peer = credentials.PeerOf((X509Certificate2)stream.RemoteCertificate!);
    }

    public SslStream Stream { get; }

    /// <summary>The SPIFFE id the peer has proven.</summary>
    public string? Peer { get; }

    public static async Task<TlsEnd> ConnectAsync(int port, ITlsCredentials credentials, string expectedPeer, bool resume = false)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, port).Within("a connection");
        return await ClientAsync(new NetworkStream(socket, ownsSocket: true), credentials, expectedPeer, resume);
    }

    public static Task<TlsEnd> ClientAsync(Stream transport, ITlsCredentials credentials, string expectedPeer, bool resume = false)
    {
        var options = credentials.ForClient(expectedPeer);
        options.TargetHost = "peer";
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        options.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.AllowTlsResume = resume;

        // The runtime keeps no session where a list of suites is given.
        options.CipherSuitesPolicy = resume ? null : Suites();
        return HandshakeAsync(transport, credentials, stream => stream.AuthenticateAsClientAsync(options));
    }

    public static async Task<TlsEnd> AcceptAsync(TcpListener listener, ITlsCredentials credentials)
    {
        var socket = await listener.AcceptSocketAsync().Within("a connection");
        return await ServerAsync(new NetworkStream(socket, ownsSocket: true), credentials);
    }

    public static Task<TlsEnd> ServerAsync(Stream transport, ITlsCredentials credentials)
    {
        var options = credentials.ForServer();
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        options.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.CipherSuitesPolicy = Suites();
        options.AllowTlsResume = false;
        return HandshakeAsync(transport, credentials, stream => stream.AuthenticateAsServerAsync(options));
    }

    public Task WriteLineAsync(string line) => Stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\n")).AsTask().Within("a write");

    public async Task<string> ReadLineAsync()
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await Stream.ReadAsync(one).AsTask().Within("a line") == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }

        return line.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        await Stream.ShutdownAsync().Within("close_notify");
        await Stream.DisposeAsync();
    }

    /// <summary>
    /// daprd's own list, RSA for peers with such a leaf; the runtime's default has CBC suites and lacks ChaCha20 in TLS 1.2. Windows takes
    /// no list.
    /// </summary>
    private static CipherSuitesPolicy? Suites() => OperatingSystem.IsWindows() ? null : new(
    [
        TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]);

    private static async Task<TlsEnd> HandshakeAsync(Stream transport, ITlsCredentials credentials, Func<SslStream, Task> handshake)
    {
        var stream = new SslStream(transport);
        try
        {
            await handshake(stream).Within("a handshake");
            return stream.NegotiatedApplicationProtocol == SslApplicationProtocol.Http2
                ? new TlsEnd(stream, credentials)
                : throw new AuthenticationException("missing selected ALPN property");
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }
}
