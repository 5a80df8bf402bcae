using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Sockets;
using FastSidecar.Transport.Tls;
using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>TLS as a client over our own sockets, against SslStream with a certificate that nobody vouches for.</summary>
public sealed class TlsConnectionTests : IDisposable
{
    private static readonly SslApplicationProtocol[] Http2Only = [SslApplicationProtocol.Http2];

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly X509Certificate2 _certificate = SelfSigned();

    public TlsConnectionTests() => _listener.Start();

    public void Dispose()
    {
        _listener.Dispose();
        _certificate.Dispose();
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task BytesGoBothWays_AndTheEndToo(SslProtocols version)
    {
        var connecting = ConnectAsync(CancellationToken.None);
        await using var peer = await AcceptAsync(version, Http2Only);
        var connection = await connecting.Within("a handshake");
        Assert.Equal(version, peer.SslProtocol);
        Assert.Equal(SslApplicationProtocol.Http2, peer.NegotiatedApplicationProtocol);

        var big = new byte[3 << 20];
        new Random(1).NextBytes(big);
        var echoing = EchoAsync(peer, big.Length);
        var writing = connection.Output.WriteAsync(big).AsTask();
        Assert.Equal(big, await ReadAsync(connection.Input, big.Length).Within("the echo"));
        await writing.Within("the write");
        await echoing.Within("the peer's echo");

        await connection.Output.CompleteAsync();
        await connection.Input.CompleteAsync();
        await connection.DisposeAsync().AsTask().Within("the close");
        Assert.Equal(0, await peer.ReadAsync(new byte[1]).AsTask().Within("the end"));
    }

    [Fact]
    public async Task PeerEnds_ReadCompletes()
    {
        var connecting = ConnectAsync(CancellationToken.None);
        var peer = await AcceptAsync(SslProtocols.None, Http2Only);
        await using var connection = await connecting.Within("a handshake");
        await peer.ShutdownAsync().Within("close_notify");
        await peer.DisposeAsync();
        Assert.True((await connection.Input.ReadAsync().AsTask().Within("the end")).IsCompleted);
    }

    [Theory]
    [InlineData(SslProtocols.Tls13)]
    [InlineData(SslProtocols.Tls12)]
    public async Task PeerSelectsNoProtocol_IsRefused(SslProtocols version)
    {
        var connecting = ConnectAsync(CancellationToken.None);
        await using var peer = await AcceptAsync(version, null);
        var refused = await Assert.ThrowsAsync<AuthenticationException>(() => connecting.Within("a refusal"));
        Assert.Equal("credentials: cannot check peer: missing selected ALPN property", refused.Message);
        Assert.Equal(0, await ReadToEndAsync(peer));
    }

    [Fact]
    public async Task PeerClosesInTheHandshake_ChannelSaysSo()
    {
        await using var pool = new ChannelPool(new ChannelPoolOptions { Credentials = new AnyPeerCredentials() }, TimeProvider.System);
        var opening = pool.OpenStreamAsync(new ChannelKey(_listener.LocalEndpoint.ToString()!, "", ""), CancellationToken.None).AsTask();
        using (var peer = await _listener.AcceptSocketAsync().Within("a connection"))
        {
            await peer.ReceiveAsync(new byte[4096]).Within("a hello");
        }

        var failed = await Assert.ThrowsAsync<ChannelConnectException>(() => opening.Within("a failure"));
        Assert.Equal("connection error: desc = \"transport: authentication handshake failed: EOF\"", failed.Message);
    }

    [Fact]
    public async Task PeerSpeaksNoTls_ChannelSaysSo()
    {
        await using var pool = new ChannelPool(new ChannelPoolOptions { Credentials = new AnyPeerCredentials() }, TimeProvider.System);
        var opening = pool.OpenStreamAsync(new ChannelKey(_listener.LocalEndpoint.ToString()!, "", ""), CancellationToken.None).AsTask();
        using var peer = await _listener.AcceptSocketAsync().Within("a connection");
        await peer.SendAsync("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"u8.ToArray()).Within("an answer");

        var failed = await Assert.ThrowsAsync<ChannelConnectException>(() => opening.Within("a failure"));
        Assert.StartsWith("connection error: desc = \"transport: authentication handshake failed: ", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SilentPeer_HandshakeEndsWithItsToken()
    {
        using var patience = new CancellationTokenSource();
        var connecting = ConnectAsync(patience.Token);
        using var peer = await _listener.AcceptSocketAsync().Within("a connection");
        await peer.ReceiveAsync(new byte[4096]).Within("a hello");
        await patience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => connecting.Within("the end"));
        Assert.Equal(0, await peer.ReceiveAsync(new byte[4096]).Within("the close"));
    }

    private async Task<TlsConnection> ConnectAsync(CancellationToken cancellationToken)
    {
        var socket = await SocketConnector.ConnectAsync(_listener.LocalEndpoint, Timeout.InfiniteTimeSpan, TimeProvider.System, CancellationToken.None);
        return await TlsConnection.ConnectAsync(socket, new AnyPeerCredentials(), "127.0.0.1", "", cancellationToken);
    }

    private async Task<SslStream> AcceptAsync(SslProtocols versions, SslApplicationProtocol[]? protocols)
    {
        var socket = await _listener.AcceptSocketAsync().Within("a connection");
        var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
        await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            ServerCertificate = _certificate,
            EnabledSslProtocols = versions,
            ApplicationProtocols = protocols is null ? null : [.. protocols],
        }).Within("a handshake");
        return stream;
    }

    private static async Task EchoAsync(SslStream peer, int bytes)
    {
        var buffer = new byte[32 * 1024];
        while (bytes > 0)
        {
            var read = await peer.ReadAsync(buffer);
            await peer.WriteAsync(buffer.AsMemory(0, read));
            bytes -= read;
        }
    }

    private static async Task<byte[]> ReadAsync(PipeReader input, int bytes)
    {
        using var all = new MemoryStream();
        while (all.Length < bytes)
        {
            var read = await input.ReadAsync();
            foreach (var piece in read.Buffer)
            {
                all.Write(piece.Span);
            }

            input.AdvanceTo(read.Buffer.End);
        }

        return all.ToArray();
    }

    private static async Task<int> ReadToEndAsync(SslStream peer)
    {
        try
        {
            return await peer.ReadAsync(new byte[1]).AsTask().Within("the end");
        }
        catch (IOException)
        {
            return 0; // closed without a goodbye
        }
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=app", key, HashAlgorithmName.SHA256);
        return request.CreateSelfSigned(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddYears(200));
    }
}
