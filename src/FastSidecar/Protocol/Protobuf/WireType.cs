namespace FastSidecar.Protocol.Protobuf;

/// <summary>Low three bits of a protobuf tag (protobuf.dev, "Encoding"). Groups (3, 4) are refused: nothing of Dapr's uses them.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}
