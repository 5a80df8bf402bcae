using System.Text;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// The <c>grpc-encoding</c> of a call: how messages whose flag is set are compressed. gzip is the only one that Dapr accepts.
/// </summary>
internal readonly struct PeerEncoding
{
    private readonly string? _unknownName;

    private PeerEncoding(bool isGzip, string? unknownName)
    {
        IsGzip = isGzip;
        _unknownName = unknownName;
    }

    public bool IsGzip { get; }

    public bool IsUnknown => _unknownName is not null;

    /// <summary>Reads the header's value; empty when there is none.</summary>
    public static PeerEncoding Parse(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty || value.SequenceEqual("identity"u8))
        {
            return default;
        }

        var isGzip = value.SequenceEqual("gzip"u8);
        return new PeerEncoding(isGzip, isGzip ? null : Encoding.Latin1.GetString(value));
    }

    /// <summary>
    /// grpc-go's answer to a compressed message that it cannot read (grpc-go rpc_util.go, checkRecvPayload); null for gzip.
    /// </summary>
    public PeerMessageException? Refusal(bool byServer)
    {
        if (IsGzip)
        {
            return null;
        }

        return _unknownName is null
            ? PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding")
            : PeerMessageException.Status(
                byServer ? GrpcStatusCode.Unimplemented : GrpcStatusCode.Internal,
                "grpc: Decompressor is not installed for grpc-encoding " + GoText.Quote(_unknownName));
    }
}
