using System.Globalization;
using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Grpc;

/// <summary>
/// What a failed HTTP/2 exchange means as a gRPC status, as grpc-go sees it (grpc-go internal/transport/http_util.go, http2_client.go
/// 1.82.1).
/// </summary>
internal static class GrpcFailure
{
    /// <summary>The error behind an exception of Transport.</summary>
    public static InvokeError Of(Exception exception) => exception switch
    {
        ChannelConnectException e => new InvokeError(ErrorSide.Peer, GrpcStatusCode.Unavailable, e.Message, maySendAgain: true) { NotConnected = true },
        Http2StreamException { NeverProcessed: true } e => new InvokeError(ErrorSide.Peer, GrpcStatusCode.Unavailable, UnprocessedText(e), maySendAgain: true) { NeverProcessed = true },
        Http2StreamException { FromPeer: true } e => ErrorTable.PeerStatus(CodeOf(e.ErrorCode), e.Message),
        Http2StreamException e => ErrorTable.PeerStatus(GrpcStatusCode.Internal, e.Message),
        PeerMessageException { IsStatus: true } e => ErrorTable.PeerStatus(e.Code, e.Text),
        PeerMessageException e => new InvokeError(ErrorSide.Peer, null, e.Message),
        Http2ConnectionException e => ErrorTable.PeerStatus(GrpcStatusCode.Unavailable, e.Message),
        InvokeBodyException e => e.Error,
        OperationCanceledException => ErrorTable.PeerStatus(GrpcStatusCode.Canceled, "context canceled"),
        _ => ErrorTable.PeerStatus(GrpcStatusCode.Unavailable, "error reading from server: " + exception.Message),
    };

    /// <summary>grpc-go has one text for every stream that a GOAWAY passes over (internal/transport, errStreamDrain).</summary>
    private static string UnprocessedText(Http2StreamException exception) =>
        exception.Message.StartsWith("stream terminated by RST_STREAM", StringComparison.Ordinal) ? exception.Message : "the connection is draining";

    /// <summary>The status that a response head or trailers carry; null for OK.</summary>
    /// <param name="fields">Empty when the stream ended without a HEADERS frame.</param>
    public static InvokeError? OfStatus(HeaderList fields)
    {
        if (!fields.TryGet("grpc-status"u8, out var status))
        {
            return fields.Count == 0
                ? ErrorTable.PeerStatus(GrpcStatusCode.Internal, "server closed the stream without sending trailers")
                : ErrorTable.PeerStatus(GrpcStatusCode.Unknown, "");
        }

        if (status is [(byte)'0'])
        {
            return null;
        }

        var number = Encoding.UTF8.GetString(status);
        if (!long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var code) || code != (int)code)
        {
            var reason = number.Length > 0 && number.TrimStart('+', '-').All(char.IsAsciiDigit) ? "value out of range" : "invalid syntax";
            return ErrorTable.PeerStatus(GrpcStatusCode.Unknown, $"transport: malformed grpc-status: strconv.ParseInt: parsing {GoText.Quote(number)}: {reason}");
        }

        var message = fields.TryGet("grpc-message"u8, out var text) ? GrpcMessageEncoding.DecodeToString(text) : "";
        return code == 0 ? null : WithDetails((GrpcStatusCode)code, message, fields);
    }

    /// <summary>
    /// Where the trailers also hold the whole google.rpc.Status, its message counts, and its code must be the same (grpc-go internal/status,
    /// NewWithProto).
    /// </summary>
    private static InvokeError WithDetails(GrpcStatusCode code, string message, HeaderList fields)
    {
        var name = "grpc-status-details-bin"u8;
        var at = fields.IndexOf(name);
        if (at < 0 || fields.IndexOf(name, at + 1) >= 0)
        {
            return ErrorTable.PeerStatus(code, message);
        }

        var encoded = fields.Value(at);
        var details = new byte[BinaryMetadata.MaxDecodedLength(encoded.Length)];
        if (!BinaryMetadata.TryDecode(encoded, details, out var written) || !TryReadStatus(details.AsSpan(0, written), out var number, out var text))
        {
            return ErrorTable.PeerStatus(code, message);
        }

        return number == (int)code
            ? ErrorTable.PeerStatus(code, text)
            : ErrorTable.PeerStatus(
                GrpcStatusCode.Internal,
                $"grpc-status-details-bin mismatch: grpc-status={GrpcStatusText.NameOf(code)}, grpc-message={GoText.Quote(message)}, "
                + $"grpc-status-details-bin=code:{number} message:{GoText.Quote(text)}");
    }

    /// <summary>google.rpc.Status { int32 code = 1; string message = 2; }</summary>
    private static bool TryReadStatus(ReadOnlySpan<byte> message, out int code, out string text)
    {
        code = 0;
        text = "";
        try
        {
            var reader = new WireReader(message);
            while (reader.TryReadField(out var field, out var content))
            {
                if (field.Is(1, WireType.Varint))
                {
                    code = (int)field.Value;
                }
                else if (field.Is(2, WireType.Bytes))
                {
                    text = Encoding.UTF8.GetString(WireReader.Text(content));
                }
            }

            return true;
        }
        catch (ProtobufException)
        {
            return false;
        }
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

        var number = int.Parse(status, CultureInfo.InvariantCulture);
        var code = CodeOfHttp(number);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"unexpected HTTP status code received from server: {number} ({HttpReason.Of(number)})");
        if (!isGrpc)
        {
            text.Append(contentType.IsEmpty
                ? "; malformed header: missing HTTP content-type"
                : $"; transport: received unexpected content-type {GoText.Quote(contentType)}");
        }

        return ErrorTable.PeerStatus(code, text.ToString());
    }

    /// <summary>Such an answer's error with the beginning of its body.</summary>
    public static InvokeError WithBody(InvokeError error, ReadOnlySpan<byte> body) =>
        ErrorTable.PeerStatus(error.Code!.Value, $"{error.Text}\ndata: {GoText.Quote(body)}");

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
}
