using System.Buffers;
using System.Buffers.Text;
using FastSidecar.Protocol.Grpc;

namespace FastSidecar.Protocol;

/// <summary>
/// A gRPC status as the JSON that Dapr's caller puts in place of the body: protojson of its internal Status message, which leaves out what
/// is empty (dapr pkg/api/http/directmessaging.go v1.18.3).
/// </summary>
internal static class GrpcStatusJson
{
    /// <summary>Writes it. Returns null, or why its details cannot be shown, in protojson's words; then part of it was written.</summary>
    public static string? Write(IBufferWriter<byte> output, int code, ReadOnlySpan<byte> message, ReadOnlySpan<byte> details)
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

        if (!details.IsEmpty)
        {
            output.Write(",\"details\":"u8);
            if (DetailsJson.Write(output, details) is { } problem)
            {
                return problem;
            }
        }

        output.Write("}"u8);
        return null;
    }
}
