using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation.Grpc;

/// <summary>What a status says beyond code and message.</summary>
internal static class StatusDetails
{
    /// <summary>
    /// The details in a trailer's <c>grpc-status-details-bin</c>, as <see cref="InvokeResponse.StatusDetails"/> has them; empty where there
    /// are none, and where grpc-go takes no notice of them: a second such trailer, another code than the status', bytes that are no status
    /// (internal/status, NewWithProto).
    /// </summary>
    public static byte[] Of(HeaderList trailers, GrpcStatusCode code)
    {
        var name = "grpc-status-details-bin"u8;
        var at = trailers.IndexOf(name);
        if (at < 0 || trailers.IndexOf(name, at + 1) >= 0)
        {
            return [];
        }

        var encoded = trailers.Value(at);
        var status = new byte[BinaryMetadata.MaxDecodedLength(encoded.Length)];
        return BinaryMetadata.TryDecode(encoded, status, out var written) ? Of(status.AsSpan(0, written), code) : [];
    }

    /// <summary>google.rpc.Status { int32 code = 1; string message = 2; repeated google.protobuf.Any details = 3; }</summary>
    private static byte[] Of(ReadOnlySpan<byte> status, GrpcStatusCode code)
    {
        var details = new byte[status.Length];
        var used = 0;
        var number = 0;
        try
        {
            var reader = new WireReader(status);
            while (reader.TryReadField(out var field, out var content))
            {
                if (field.Is(1, WireType.Varint))
                {
                    number = (int)field.Value;
                }
                else if (field.Is(3, WireType.Bytes))
                {
                    // No longer than where it stood, whatever tag and length were written with there.
                    var writer = new WireWriter(details.AsSpan(used));
                    writer.FieldStart(3, content.Length);
                    writer.Raw(content);
                    used += writer.Written;
                }
            }
        }
        catch (ProtobufException)
        {
            return [];
        }

        return number == (int)code ? details[..used] : [];
    }
}
