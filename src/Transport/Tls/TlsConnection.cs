using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;

namespace FastSidecar.Transport.Tls;

/// <summary>
/// TLS over a transport, as a duplex pipe for HTTP/2. The credentials say who and whom; what is the same for every connection is added here:
/// versions, suites, h2 as the only protocol, no resumption (docs/tls.md). It owns the transport.
/// </summary>
public sealed class TlsConnection : IDuplexPipe, IAsyncDisposable
{
    private readonly IDuplexPipe _transport;
    private readonly SslStream _tls;

    private TlsConnection(IDuplexPipe transport, SslStream tls)
    {
        _transport = transport;
        _tls = tls;
        Input = PipeReader.Create(tls, new StreamPipeReaderOptions(leaveOpen: true));
        Output = PipeWriter.Create(tls, new StreamPipeWriterOptions(leaveOpen: true));
    }

    public PipeReader Input { get; }

    public PipeWriter Output { get; }

    /// <summary>
    /// A handshake as client, off the socket thread. Whatever goes wrong, the transport is closed.
    /// </summary>
    /// <param name="transport">Connected; owned by the connection from here on.</param>
    /// <param name="credentials">Who we are and whom we accept.</param>
    /// <param name="host">Said in the handshake (SNI); an IP address is not.</param>
    /// <param name="expectedPeer">What the peer has to prove.</param>
    /// <param name="cancellationToken">Ends the handshake, and with it the transport.</param>
    /// <exception cref="AuthenticationException">The handshake failed, with a text close to Go's; the peer may have closed in it.</exception>
    public static async ValueTask<TlsConnection> ConnectAsync(
        IDuplexPipe transport, ITlsCredentials credentials, string host, string expectedPeer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(transport);
        ArgumentNullException.ThrowIfNull(credentials);
        var options = credentials.ForClient(expectedPeer);
        options.TargetHost = host.Trim('[', ']');
        options.ApplicationProtocols = [SslApplicationProtocol.Http2];
        options.EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.CipherSuitesPolicy = Suites();
        options.AllowTlsResume = false;
        var stream = new TransportStream(transport);
        var tls = new SslStream(stream);
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellationToken);
            if (tls.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2)
            {
                throw new AuthenticationException("credentials: cannot check peer: missing selected ALPN property");
            }
        }
        catch (Exception failure)
        {
            await CloseAsync(tls, transport);
            throw failure is IOException ? new AuthenticationException(Reason(failure), failure) : failure;
        }

        stream.LeavesThread = false;
        return new TlsConnection(transport, tls);
    }

    /// <summary>Says goodbye where the peer still listens, and closes the transport. Neither pipe may be in use any more.</summary>
    public async ValueTask DisposeAsync()
    {
        try
        {
            await _tls.ShutdownAsync();
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // The peer was faster.
        }

        await CloseAsync(_tls, _transport);
    }

    private static async ValueTask CloseAsync(SslStream tls, IDuplexPipe transport)
    {
        await tls.DisposeAsync();
        await transport.Output.CompleteAsync();
        await transport.Input.CompleteAsync();
        if (transport is IAsyncDisposable owned)
        {
            await owned.DisposeAsync();
        }
    }

    /// <summary>Go's words for what the network said in the middle of a handshake.</summary>
    private static string Reason(Exception failure) => failure is EndOfStreamException or { InnerException: null } ? "EOF" : failure.InnerException!.Message;

    /// <summary>
    /// Dapr's own list, RSA for peers with such a leaf; the runtime's default has suites that HTTP/2 forbids, and lacks ChaCha20 in TLS 1.2. Windows
    /// takes no list.
    /// </summary>
    private static CipherSuitesPolicy? Suites() => OperatingSystem.IsWindows() || OperatingSystem.IsAndroid() ? null : new(
    [
        TlsCipherSuite.TLS_AES_128_GCM_SHA256, TlsCipherSuite.TLS_AES_256_GCM_SHA384, TlsCipherSuite.TLS_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ]);
}
