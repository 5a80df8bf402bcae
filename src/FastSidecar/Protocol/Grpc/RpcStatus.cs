using System.Text;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Grpc;

/// <summary>
/// google.rpc.Status (1 code, 2 message, 3 details) and the details that Dapr puts into it. Details are passed around as encoded fields of
/// number 3, each a google.protobuf.Any.
/// </summary>
internal static class RpcStatus
{
    private const string TypePrefix = "type.googleapis.com/google.rpc.";

    /// <summary>What grpc-status-details-bin holds, before its base64.</summary>
    public static byte[] Encode(GrpcStatusCode code, string message, ReadOnlySpan<byte> details) =>
        new MessageBuilder().Number(1, (int)code).Text(2, message).Raw(details).ToArray();

    /// <summary>A detail google.rpc.ErrorInfo: 1 reason, 2 domain, 3 metadata.</summary>
    public static byte[] ErrorInfo(string reason, params ReadOnlySpan<(string Key, byte[] Value)> metadata)
    {
        var info = new MessageBuilder().Text(1, reason).Text(2, "dapr.io");
        foreach (var (key, value) in metadata)
        {
            info.Entry(3, key, value);
        }

        return Detail("ErrorInfo", info);
    }

    /// <inheritdoc cref="ErrorInfo(string, ReadOnlySpan{ValueTuple{string, byte[]}})"/>
    public static byte[] ErrorInfo(string reason, string firstKey, string firstValue, string secondKey, string secondValue) =>
        ErrorInfo(reason, (firstKey, Encoding.UTF8.GetBytes(firstValue)), (secondKey, Encoding.UTF8.GetBytes(secondValue)));

    /// <summary>A detail google.rpc.ResourceInfo: 1 resource_type, 2 resource_name, 3 owner, 4 description.</summary>
    public static byte[] ResourceInfo(string type, string name, string description) =>
        Detail("ResourceInfo", new MessageBuilder().Text(1, type).Text(2, name).Text(4, description));

    private static byte[] Detail(string type, MessageBuilder message) =>
        new MessageBuilder().Message(3, new MessageBuilder().Text(1, TypePrefix + type).Bytes(2, message.Span)).ToArray();
}
