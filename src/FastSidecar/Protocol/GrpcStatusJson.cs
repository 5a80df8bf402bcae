using System.Buffers;
using System.Buffers.Text;

namespace FastSidecar.Protocol;

/// <summary>
/// A gRPC status as the JSON that Dapr's caller puts in place of the body: protojson of its internal Status message, which leaves out what
/// is empty (dapr pkg/api/http/directmessaging.go v1.18.3). Details are left out: showing one takes the descriptor of its type.
/// </summary>
internal static class GrpcStatusJson
{
    public static void Write(IBufferWriter<byte> output, int code, ReadOnlySpan<byte> message)
    {
        const int MostDigits = 11;
        output.Write("{\"code\":"u8);
        Utf8Formatter.TryFormat(code, output.GetSpan(MostDigits), out var digits);
        output.Advance(digits);
        if (!message.IsEmpty)
        {
            output.Write(",\"message\":"u8);
            GoJson.WriteString(output, message, escapeHtml: false);
        }

        output.Write("}"u8);
    }
}
