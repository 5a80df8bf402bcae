using System.Buffers.Binary;
using System.Text;
using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.Grpc;

/// <summary>The few messages that tests write by hand.</summary>
internal static class GrpcMessages
{
    public const string InvokeService = "/dapr.proto.runtime.v1.Dapr/InvokeService";

    public const string Echo = "/chat.v1.Chat/Echo";

    public const string Talk = "/chat.v1.Chat/Talk";

    /// <summary>Note { text = 1 }.</summary>
    public static byte[] Note(string text) => Field(1, Encoding.UTF8.GetBytes(text));

    /// <summary>InvokeServiceRequest { id = 1, message = 3 { method = 1, data = 2 { value = 2 }, content_type = 3, http_extension = 4 { verb = 1 } } } that POSTs.</summary>
    public static byte[] Invoke(string appId, string method, byte[] body)
    {
        const byte Post = 3;
        byte[] message =
        [
            .. Field(1, Encoding.UTF8.GetBytes(method)), .. Field(2, Field(2, body)), .. Field(3, "text/plain"u8), .. Field(4, [0x08, Post]),
        ];
        return [.. Field(1, Encoding.UTF8.GetBytes(appId)), .. Field(3, message)];
    }

    /// <summary>The text of a Note that came alone, with its prefix.</summary>
    public static string TextOf(byte[] framed)
    {
        var length = BinaryPrimitives.ReadInt32BigEndian(framed.AsSpan(1));
        var message = framed.AsSpan(5, length);
        return message[0] == 0x0a ? Encoding.UTF8.GetString(message.Slice(2, message[1])) : "";
    }

    public static byte[] Framed(byte[] message) => Http2Frames.Message(message);

    private static byte[] Field(byte number, ReadOnlySpan<byte> value)
    {
        var field = new List<byte> { (byte)((number << 3) | 2) };
        var rest = value.Length;
        for (; rest >= 128; rest >>= 7)
        {
            field.Add((byte)(rest | 128));
        }

        return [.. field, (byte)rest, .. value];
    }
}
