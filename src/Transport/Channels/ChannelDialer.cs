using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using FastSidecar.Transport.Tls;

namespace FastSidecar.Transport.Channels;

/// <summary>
/// A connected transport for a key: TCP, and TLS where the key asks for it. Throws what the network throws; honours the token.
/// </summary>
internal delegate ValueTask<IDuplexPipe> ChannelConnect(ChannelKey key, CancellationToken cancellationToken);

/// <summary>Makes one attempt to connect: transport, then HTTP/2 up to the peer's SETTINGS, all within one limit of time.</summary>
internal sealed class ChannelDialer
{
    private readonly ChannelPoolOptions _options;
    private readonly ChannelConnect _connect;
    private readonly TimeProvider _time;

    public ChannelDialer(ChannelPoolOptions options, ChannelConnect connect, TimeProvider time)
    {
        _options = options;
        _connect = connect;
        _time = time;
    }

    /// <summary>Connects, and makes a handshake where there are credentials.</summary>
    /// <exception cref="AuthenticationException">The handshake failed.</exception>
    public static async ValueTask<IDuplexPipe> ConnectAsync(
        ChannelKey key, ITlsCredentials? credentials, TimeProvider time, CancellationToken cancellationToken)
    {
        var socket = await SocketConnector.ConnectAsync(ParseAddress(key.Address), Timeout.InfiniteTimeSpan, time, cancellationToken);
        return credentials is null
            ? socket
            : await TlsConnection.ConnectAsync(socket, credentials, HostOf(key.Address), key.ExpectedPeer, cancellationToken);
    }

    /// <exception cref="ChannelConnectException">With a text close to grpc-go's, because callers show it.</exception>
    public async Task<Http2Connection> DialAsync(ChannelKey key, IHttp2ConnectionObserver observer, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.ConnectTimeout, _time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        IDuplexPipe transport;
        try
        {
            // A transport that does not honour the token is left behind; what it still brings is closed by whoever made it.
            transport = await _connect(key, linked.Token);
        }
        catch (AuthenticationException failure)
        {
            throw new ChannelConnectException($"connection error: desc = \"transport: authentication handshake failed: {failure.Message}\"", failure);
        }
        catch (Exception failure)
        {
            var reason = $"transport: Error while dialing: dial tcp {key.Address}: {Reason(failure)}";
            throw new ChannelConnectException($"connection error: desc = \"{reason}\"", failure);
        }

        var connection = Http2Connection.StartClient(transport, _options.Http2 with { PeerName = key.Address }, observer, _time);
        try
        {
            await connection.Ready.WaitAsync(linked.Token);

            // The peer's SETTINGS and its end can come in one batch: who waits must not dial once more for that, and again, without a pause.
            return connection.IsOpen ? connection : throw connection.Failure ?? new EndOfStreamException("EOF");
        }
        catch (Exception failure)
        {
            connection.Abort(Http2ErrorCode.NoError, "client transport shutdown");
            var reason = $"error reading server preface: {PrefaceReason(failure)}";
            throw new ChannelConnectException($"connection error: desc = \"{reason}\"", failure);
        }
    }

    private static EndPoint ParseAddress(string address)
    {
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), out var port))
        {
            throw new FormatException($"address {address}: missing port in address");
        }

        var host = HostOf(address);
        return IPAddress.TryParse(host, out var ip) ? new IPEndPoint(ip, port) : new DnsEndPoint(host, port);
    }

    private static string HostOf(string address) => address[..address.LastIndexOf(':')];

    /// <summary>Go's words for what the network said.</summary>
    private static string Reason(Exception failure) => failure switch
    {
        SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "connect: connection refused",
        SocketException { SocketErrorCode: SocketError.HostUnreachable } => "connect: no route to host",
        SocketException { SocketErrorCode: SocketError.NetworkUnreachable } => "connect: network is unreachable",
        SocketException { SocketErrorCode: SocketError.ConnectionReset } => "connect: connection reset by peer",
        SocketException { SocketErrorCode: SocketError.TimedOut } => "connect: connection timed out",
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } => "no such host",
        TimeoutException or OperationCanceledException => "i/o timeout",
        _ => failure.Message,
    };

    private static string ReadReason(Exception cause) =>
        cause is SocketException { SocketErrorCode: SocketError.ConnectionReset } or { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionReset } }
            ? "connection reset by peer"
            : cause.Message;

    private static string PrefaceReason(Exception failure) => failure switch
    {
        OperationCanceledException => "i/o timeout",
        Http2ConnectionException { FromPeer: true, InnerException: { } cause } => ReadReason(cause),
        Http2ConnectionException { FromPeer: true } => "EOF",
        _ => failure.Message,
    };
}
