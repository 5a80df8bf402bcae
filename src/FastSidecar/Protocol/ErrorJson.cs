using System.Buffers;

namespace FastSidecar.Protocol;

/// <summary>
/// The body of Dapr's HTTP errors, <c>{"errorCode":"…","message":"…"}</c>, byte for byte as Go's encoding/json writes it (HTML characters
/// escaped).
/// Writes UTF-8, allocates nothing.
/// </summary>
internal static class ErrorJson
{
    public static void Write(IBufferWriter<byte> output, string errorCode, string message)
    {
        output.Write("{\"errorCode\":"u8);
        GoJson.WriteString(output, errorCode);
        output.Write(",\"message\":"u8);
        GoJson.WriteString(output, message);
        output.Write("}"u8);
    }
}
