namespace FastSidecar.Protocol.Protobuf;

/// <summary>Bytes are not the message they should be. The texts are those of Go's protobuf library, which reach Dapr's clients.</summary>
internal sealed class ProtobufException : Exception
{
    private ProtobufException(string message)
        : base(message)
    {
    }

    public static ProtobufException Malformed() => new("proto: cannot parse invalid wire-format data");

    public static ProtobufException InvalidUtf8() => new("string field contains invalid UTF-8");
}
