using System.Text;

namespace FastSidecar.Integration.Shared;

/// <summary>
/// The sidecar-to-sidecar wire by hand: CallLocalStream of dapr.proto.internals.v1.ServiceInvocation (dapr proto/internals/v1/service_invocation.proto v1.18.3).
/// </summary>
internal static class PeerMessages
{
    public const string CallLocalStream = "/dapr.proto.internals.v1.ServiceInvocation/CallLocalStream";

    public const string CallLocal = "/dapr.proto.internals.v1.ServiceInvocation/CallLocal";

    /// <summary>Everything a caller sends on a connection of its own to POST a body to the callee's app.</summary>
    public static byte[] Call(string method, string body) =>
    [
        .. Http2Frames.ClientStart,
        .. Http2Frames.Headers(1, 0, RequestHead()),
        .. Http2Frames.Frame(Http2Frames.Data, 0, 1, Http2Frames.Message(FirstRequest(method, body))),
        .. Http2Frames.Frame(Http2Frames.Data, Http2Frames.EndStream, 1, Http2Frames.Message(Payload(1, "."))),
    ];

    public static (string Name, string Value)[] RequestHead(string path = CallLocalStream) =>
        [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x"), ("content-type", "application/grpc"), ("te", "trailers")];

    /// <summary>InternalInvokeRequestStream { request = 1 { ver = 1, metadata = 2, message = 3 { method = 1, http_extension = 4 { verb = 1 } } }, payload = 2 }.</summary>
    public static byte[] FirstRequest(string method, string body)
    {
        const byte Post = 3;
        byte[] message = [.. Text(1, method), .. Field(4, [0x08, Post])];
        return [.. Field(1, [0x08, 1, .. Entry(2, "X-A", "b"), .. Field(3, message)]), .. Field(2, Text(1, body))];
    }

    /// <summary>InternalInvokeRequest { ver = 1, message = 3 { method = 1, http_extension = 4 { verb = 1, querystring = 2 } } } that GETs a method, with its query.</summary>
    public static byte[] UnaryRequest(string target)
    {
        const byte Get = 1;
        var parts = target.Split('?');
        byte[] extension = [0x08, Get, .. parts.Length > 1 ? Text(2, parts[1]) : []];
        return [0x08, 1, .. Field(3, [.. Text(1, parts[0]), .. Field(4, extension)])];
    }

    /// <summary>InternalInvokeResponseStream { response = 1 { status = 1 { code = 1 }, headers = 2, message = 4 {} }, payload = 2 { data = 1 } }.</summary>
    public static byte[] FirstResponse(byte[] status, string body) => [.. Field(1, [.. Field(1, [0x08, .. status]), .. Field(4, [])]), .. Field(2, Text(1, body))];

    /// <summary>Only the payload = 2 { data = 1, seq = 2 }, as all messages but the first.</summary>
    public static byte[] Payload(byte seq, string data) => Field(2, [.. Text(1, data), 0x10, seq]);

    /// <summary>Status code and joined body of an answer's messages: InternalInvokeResponseStream, or one InternalInvokeResponse.</summary>
    public static (long Status, string Body) Answer(ReadOnlySpan<byte> messages)
    {
        var status = 0L;
        var body = new StringBuilder();
        while (messages.Length >= 5)
        {
            var length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(messages[1..]);
            var message = messages.Slice(5, length);
            messages = messages[(5 + length)..];
            var response = Inner(message, 1);
            var isUnary = !Inner(message, 4).IsEmpty || (response.Length > 0 && response[0] == 0x08);
            status = Math.Max(status, Number(isUnary ? response : Inner(response, 1), 1));
            body.Append(Encoding.Latin1.GetString(isUnary ? Inner(Inner(Inner(message, 4), 1), 2) : Inner(Inner(message, 2), 1)));
        }

        return (status, body.ToString());
    }

    /// <summary>The contents of a length-delimited field; empty without one.</summary>
    private static ReadOnlySpan<byte> Inner(ReadOnlySpan<byte> message, int number)
    {
        while (!message.IsEmpty)
        {
            var tag = Varint(ref message);
            var value = Varint(ref message);
            if ((tag & 7) != 2)
            {
                continue;
            }

            if (tag >> 3 == number)
            {
                return message[..(int)value];
            }

            message = message[(int)value..];
        }

        return default;
    }

    private static long Number(ReadOnlySpan<byte> message, int number)
    {
        while (!message.IsEmpty)
        {
            var tag = Varint(ref message);
            var value = Varint(ref message);
            if ((tag & 7) == 2)
            {
                message = message[(int)value..];
            }
            else if (tag >> 3 == number)
            {
                return value;
            }
        }

        return 0;
    }

    private static long Varint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0L;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            value |= (long)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }

    /// <summary>An entry of a map from a name to a ListStringValue { values = 1 }.</summary>
    public static byte[] Entry(int number, string name, string value) => Field(number, [.. Text(1, name), .. Field(2, Text(1, value))]);

    public static byte[] Text(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    /// <summary>A length-delimited field; everything here is short.</summary>
    public static byte[] Field(int number, ReadOnlySpan<byte> content)
    {
        var length = content.Length < 128 ? (byte[])[(byte)content.Length] : [(byte)(content.Length | 128), (byte)(content.Length >> 7)];
        return [(byte)((number << 3) | 2), .. length, .. content];
    }
}
