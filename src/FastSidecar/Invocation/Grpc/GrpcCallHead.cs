using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation.Grpc;

/// <summary>A refusal of what is wrong below gRPC: its HTTP status, its gRPC status and its text.</summary>
internal sealed record HeadRefusal(int Status, GrpcStatusCode Code, string Text);

/// <summary>
/// The HEADERS that open a call, looked through once, and the checks that come before any handler, in the order and words of grpc-go
/// (internal/transport/http2_server.go, operateHeaders). Spans are valid as long as the header list.
/// </summary>
internal readonly ref struct GrpcCallHead
{
    private readonly HeaderList _headers;
    private readonly ReadOnlySpan<byte> _method;
    private readonly ReadOnlySpan<byte> _contentType;
    private readonly TimeoutHeaderError _timeoutError;
    private readonly int _hosts;

    /// <summary>The last field that cannot be read, as the last one is what is told; −1 when there is none.</summary>
    private readonly int _malformed = -1;

    public GrpcCallHead(HeaderList headers)
    {
        _headers = headers;
        for (var i = 0; i < headers.Count; i++)
        {
            var name = headers.Name(i);
            switch (name.Length)
            {
                case 4 when name.SequenceEqual("host"u8):
                    _hosts++;
                    break;
                case 5 when name.SequenceEqual(":path"u8):
                    Path = headers.Value(i);
                    break;
                case 7 when name.SequenceEqual("baggage"u8):
                    HasBaggage = true;
                    break;
                case 7 when name.SequenceEqual(":method"u8):
                    _method = headers.Value(i);
                    break;
                case 12 when name.SequenceEqual("content-type"u8):
                    _contentType = headers.Value(i);
                    break;
                case 12 when name.SequenceEqual("grpc-timeout"u8):
                    if (TimeoutHeader.TryParse(headers.Value(i), out var timeout, out var error))
                    {
                        Timeout = timeout;
                    }
                    else
                    {
                        _timeoutError = error;
                        _malformed = i;
                    }

                    break;
                default:
                    if (BinaryMetadata.IsBinaryName(name) && BinaryMetadata.FaultAt(headers.Value(i)) >= 0)
                    {
                        _malformed = i;
                    }

                    break;
            }
        }
    }

    public ReadOnlySpan<byte> Path { get; }

    /// <summary>There is baggage, valid or not: <see cref="BaggageRefusal"/>.</summary>
    public bool HasBaggage { get; }

    /// <summary>How long the caller waits; null when it does not say.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>Why the call is refused before anything of it is read; null when it is not.</summary>
    public HeadRefusal? Refusal()
    {
        if (_hosts > 1)
        {
            var authorities = _headers.Contains(":authority"u8) ? 1 : 0;
            return new HeadRefusal(
                400,
                GrpcStatusCode.Internal,
                $"num values of :authority: {authorities}, num values of host: {_hosts}, both must only have 1 value as per HTTP/2 spec");
        }

        if (!GrpcContentType.IsGrpc(_contentType))
        {
            var text = $"invalid gRPC request content-type \"{Encoding.UTF8.GetString(_contentType)}\"";
            return new HeadRefusal(415, GrpcStatusCode.InvalidArgument, text);
        }

        if (_malformed >= 0)
        {
            return new HeadRefusal(400, GrpcStatusCode.Internal, MalformedText());
        }

        if (!_method.SequenceEqual("POST"u8))
        {
            var text = $"Received a HEADERS frame with :method \"{Encoding.UTF8.GetString(_method)}\" which should be POST";
            return new HeadRefusal(405, GrpcStatusCode.Internal, text);
        }

        // A service and a method are two parts of a path (grpc-go server.go, handleStream).
        return Path.LastIndexOf((byte)'/') > 0
            ? null
            : new HeadRefusal(200, GrpcStatusCode.Unimplemented, $"malformed method name: {GoText.Quote(Path)}");
    }

    /// <summary>
    /// Why the call is refused for its baggage, which Dapr looks at while tracing is on; null when it is not (dapr
    /// pkg/diagnostics/grpc_tracing.go v1.18.3).
    /// </summary>
    public HeadRefusal? BaggageRefusal() =>
        HasBaggage && Baggage.Validate(_headers) is { } invalid ? new HeadRefusal(200, GrpcStatusCode.InvalidArgument, invalid) : null;

    private string MalformedText()
    {
        var name = _headers.Name(_malformed);
        var value = _headers.Value(_malformed);
        return name.SequenceEqual("grpc-timeout"u8)
            ? $"malformed grpc-timeout: {TimeoutHeader.ErrorText(value, _timeoutError)}"
            : $"malformed binary metadata {GoText.Quote(value)} in header {GoText.Quote(name)}: " +
                $"illegal base64 data at input byte {BinaryMetadata.FaultAt(value)}";
    }
}
