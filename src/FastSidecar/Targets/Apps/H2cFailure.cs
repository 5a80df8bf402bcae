using System.Net.Sockets;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Apps;

/// <summary>Words for a failed call of an app that speaks HTTP/2, as Go's client has them (golang.org/x/net/http2 transport.go).</summary>
internal static class H2cFailure
{
    /// <param name="exception">What Transport threw.</param>
    /// <param name="address">host:port of the app.</param>
    /// <param name="streamId">0 when there is no stream.</param>
    public static string Of(Exception exception, string address, int streamId) => exception switch
    {
        ChannelConnectException { InnerException: SocketException e } => $"dial tcp {address}: connect: {AppFailure.Describe(e)}",
        ChannelConnectException { InnerException: TimeoutException or OperationCanceledException } => $"dial tcp {address}: i/o timeout",
        ChannelConnectException { InnerException: { } inner } => Of(inner, address, streamId),
        ChannelConnectException => "unexpected EOF",
        Http2StreamException { FromPeer: true } e => $"stream error: stream ID {streamId}; {e.ErrorCode.WireName()}; received from peer",
        Http2StreamException e => $"stream error: stream ID {streamId}; {e.ErrorCode.WireName()}; {e.Message}",
        Http2ConnectionException { FromPeer: true, InnerException: IOException { InnerException: SocketException } e } => e.Message,
        Http2ConnectionException { FromPeer: true } => "unexpected EOF",
        OperationCanceledException or ObjectDisposedException => "context canceled",
        _ => AppFailure.Of(exception),
    };
}
