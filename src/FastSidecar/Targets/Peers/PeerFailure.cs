using System.Globalization;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Peers;

/// <summary>
/// What a failed HTTP/2 exchange means as a gRPC status, as grpc-go sees it (grpc-go internal/transport/http_util.go, http2_client.go
/// 1.82.1).
/// </summary>
internal static class PeerFailure
{
    /// <summary>Names of RST_STREAM codes as golang.org/x/net/http2 prints them.</summary>
    private static readonly string[] ResetNames =
    [
        "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED", "FRAME_SIZE_ERROR",
        "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM", "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
    ];

    /// <summary>The error behind an exception of Transport.</summary>
    public static InvokeError Of(Exception exception) => exception switch
    {
        ChannelConnectException e => new InvokeError(ErrorSide.Peer, GrpcStatusCode.Unavailable, e.Message, maySendAgain: true) { NotConnected = true },
        Http2StreamException { NeverProcessed: true } e => new InvokeError(ErrorSide.Peer, GrpcStatusCode.Unavailable, ResetText(e), maySendAgain: true) { NeverProcessed = true },
        Http2StreamException { FromPeer: true } e => ErrorTable.PeerStatus(CodeOf(e.ErrorCode), ResetText(e)),
        Http2StreamException e => ErrorTable.PeerStatus(GrpcStatusCode.Internal, e.Message),
        PeerMessageException { IsStatus: true } e => ErrorTable.PeerStatus(e.Code, e.Text),
        PeerMessageException e => new InvokeError(ErrorSide.Peer, null, e.Message),
        Http2ConnectionException e => ErrorTable.PeerStatus(GrpcStatusCode.Unavailable, e.Message),
        InvokeBodyException e => e.Error,
        OperationCanceledException => ErrorTable.PeerStatus(GrpcStatusCode.Canceled, "context canceled"),
        _ => ErrorTable.PeerStatus(GrpcStatusCode.Unavailable, "error reading from server: " + exception.Message),
    };

    private static string ResetText(Http2StreamException exception) =>
        exception.FromPeer ? "stream terminated by RST_STREAM with error code: " + NameOf(exception.ErrorCode) : exception.Message;

    /// <summary>The status that a response head or trailers carry; null for OK.</summary>
    public static InvokeError? OfStatus(HeaderList fields)
    {
        if (!fields.TryGet("grpc-status"u8, out var status))
        {
            return ErrorTable.PeerStatus(GrpcStatusCode.Internal, "server closed the stream without sending trailers");
        }

        if (status is [(byte)'0'])
        {
            return null;
        }

        if (!System.Buffers.Text.Utf8Parser.TryParse(status, out uint code, out var used) || used != status.Length)
        {
            return ErrorTable.PeerStatus(GrpcStatusCode.Unknown, $"malformed grpc-status: {Encoding.UTF8.GetString(status)}");
        }

        var message = fields.TryGet("grpc-message"u8, out var text) ? GrpcMessageEncoding.DecodeToString(text) : "";
        return code == 0 ? null : ErrorTable.PeerStatus((GrpcStatusCode)code, message);
    }

    /// <summary>A response head that is no gRPC answer; null when it is one.</summary>
    public static InvokeError? OfHead(HeaderList head)
    {
        var isGrpc = head.TryGet("content-type"u8, out var contentType) && GrpcContentType.IsGrpc(contentType);
        head.TryGet(":status"u8, out var status);
        if (isGrpc && status.SequenceEqual("200"u8))
        {
            return null;
        }

        var text = new StringBuilder();
        var code = GrpcStatusCode.Unknown;
        if (!status.SequenceEqual("200"u8))
        {
            var number = int.Parse(status, CultureInfo.InvariantCulture);
            code = CodeOfHttp(number);
            text.Append(CultureInfo.InvariantCulture, $"unexpected HTTP status code received from server: {number} ({HttpReason.Of(number)})");
        }

        if (!isGrpc)
        {
            text.Append(text.Length > 0 ? "; " : "");
            text.Append(contentType.IsEmpty
                ? "transport: missing content-type field"
                : $"transport: received unexpected content-type \"{Encoding.UTF8.GetString(contentType)}\"");
        }

        return ErrorTable.PeerStatus(code, text.ToString());
    }

    private static GrpcStatusCode CodeOfHttp(int status) => status switch
    {
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.Unimplemented,
        429 or 502 or 503 or 504 => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    private static GrpcStatusCode CodeOf(Http2ErrorCode code) => code switch
    {
        Http2ErrorCode.RefusedStream => GrpcStatusCode.Unavailable,
        Http2ErrorCode.Cancel => GrpcStatusCode.Canceled,
        Http2ErrorCode.FlowControlError or Http2ErrorCode.EnhanceYourCalm => GrpcStatusCode.ResourceExhausted,
        Http2ErrorCode.InadequateSecurity => GrpcStatusCode.PermissionDenied,
        > Http2ErrorCode.Http11Required => GrpcStatusCode.Unknown,
        _ => GrpcStatusCode.Internal,
    };

    private static string NameOf(Http2ErrorCode code) =>
        (uint)code < ResetNames.Length ? ResetNames[(uint)code] : $"unknown error code 0x{(uint)code:x}";
}
