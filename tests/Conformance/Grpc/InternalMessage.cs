using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http;

namespace FastSidecar.Conformance.Grpc;

/// <summary>
/// Reads the messages of the sidecar-to-sidecar wire into the form of the fixtures: field names of
/// dapr/proto/internals/v1/service_invocation.proto and dapr/proto/common/v1/common.proto, an empty sub-message as <c>{}</c>, map
/// entries by key, unknown fields as <c>?N</c>.
/// </summary>
internal static class InternalMessage
{
    private enum Kind
    {
        Number,
        Text,
        Bytes,
        Message,
        Lists,
    }

    private sealed record Field(string Name, Kind Kind, IReadOnlyDictionary<int, Field>? Fields = null);

    private static readonly Dictionary<int, Field> Any = new() { [1] = new("type_url", Kind.Text), [2] = new("value", Kind.Bytes) };

    private static readonly Dictionary<int, Field> StreamPayload = new() { [1] = new("data", Kind.Bytes), [2] = new("seq", Kind.Number) };

    private static readonly Dictionary<int, Field> HttpExtension = new() { [1] = new("verb", Kind.Number), [2] = new("querystring", Kind.Text) };

    private static readonly Dictionary<int, Field> InvokeRequest = new()
    {
        [1] = new("method", Kind.Text),
        [2] = new("data", Kind.Message, Any),
        [3] = new("content_type", Kind.Text),
        [4] = new("http_extension", Kind.Message, HttpExtension),
    };

    private static readonly Dictionary<int, Field> InvokeResponse = new() { [1] = new("data", Kind.Message, Any), [2] = new("content_type", Kind.Text) };

    private static readonly Dictionary<int, Field> Status = new()
    {
        [1] = new("code", Kind.Number),
        [2] = new("message", Kind.Text),
        [3] = new("details", Kind.Message, Any),
    };

    private static readonly Dictionary<int, Field> InternalRequest = new()
    {
        [1] = new("ver", Kind.Number),
        [2] = new("metadata", Kind.Lists),
        [3] = new("message", Kind.Message, InvokeRequest),
        [4] = new("actor", Kind.Bytes),
    };

    private static readonly Dictionary<int, Field> InternalResponse = new()
    {
        [1] = new("status", Kind.Message, Status),
        [2] = new("headers", Kind.Lists),
        [3] = new("trailers", Kind.Lists),
        [4] = new("message", Kind.Message, InvokeResponse),
    };

    private static readonly Dictionary<int, Field> RequestStream = new()
    {
        [1] = new("request", Kind.Message, InternalRequest),
        [2] = new("payload", Kind.Message, StreamPayload),
    };

    private static readonly Dictionary<int, Field> ResponseStream = new()
    {
        [1] = new("response", Kind.Message, InternalResponse),
        [2] = new("payload", Kind.Message, StreamPayload),
    };

    /// <summary>One InternalInvokeRequestStream. <c>payload.data</c> is left out and given to <paramref name="payload"/>.</summary>
    public static JsonObject ReadRequest(ReadOnlySpan<byte> message, MemoryStream payload) => WithoutData(Read(message, RequestStream, payload));

    /// <summary>One InternalInvokeResponseStream, likewise.</summary>
    public static JsonObject ReadResponse(ReadOnlySpan<byte> message, MemoryStream payload) => WithoutData(Read(message, ResponseStream, payload));

    private static JsonObject WithoutData(JsonObject message)
    {
        (message["payload"] as JsonObject)?.Remove("data");
        return message;
    }

    private static JsonObject Read(ReadOnlySpan<byte> message, IReadOnlyDictionary<int, Field> fields, MemoryStream payload)
    {
        var result = new JsonObject();
        var at = 0;
        while (at < message.Length)
        {
            var key = Varint(message, ref at);
            var number = (int)(key >> 3);
            if ((key & 7) == 0)
            {
                var value = Varint(message, ref at);
                result[fields.TryGetValue(number, out var f) ? f.Name : $"?{number}"] = (long)value;
                continue;
            }

            if ((key & 7) != 2)
            {
                throw new InvalidDataException($"field {number} has wire type {key & 7}");
            }

            var length = (int)Varint(message, ref at);
            Take(result, fields, number, message.Slice(at, length), payload);
            at += length;
        }

        return result;
    }

    private static void Take(JsonObject result, IReadOnlyDictionary<int, Field> fields, int number, ReadOnlySpan<byte> bytes, MemoryStream payload)
    {
        if (!fields.TryGetValue(number, out var field))
        {
            result[$"?{number}"] = RecordedBody.Of(bytes);
            return;
        }

        switch (field.Kind)
        {
            case Kind.Message:
                result[field.Name] = Read(bytes, field.Fields!, payload);
                break;
            case Kind.Lists:
                Add(result, field.Name, bytes);
                break;
            case Kind.Text:
                result[field.Name] = Encoding.UTF8.GetString(bytes);
                break;
            default:
                if (ReferenceEquals(fields, StreamPayload))
                {
                    payload.Write(bytes);
                }

                result[field.Name] = RecordedBody.Of(bytes);
                break;
        }
    }

    /// <summary>An entry of map&lt;string, ListStringValue&gt;; the object stays sorted by key.</summary>
    private static void Add(JsonObject result, string name, ReadOnlySpan<byte> entry)
    {
        var key = "";
        var values = new JsonArray();
        var at = 0;
        while (at < entry.Length)
        {
            var number = (int)(Varint(entry, ref at) >> 3);
            var length = (int)Varint(entry, ref at);
            var bytes = entry.Slice(at, length);
            at += length;
            if (number == 1)
            {
                key = Encoding.UTF8.GetString(bytes);
                continue;
            }

            var inner = 0;
            while (inner < bytes.Length)
            {
                Varint(bytes, ref inner);
                var size = (int)Varint(bytes, ref inner);
                values.Add((JsonNode)Encoding.UTF8.GetString(bytes.Slice(inner, size)));
                inner += size;
            }
        }

        var map = result[name] as JsonObject ?? [];
        map[key] = values;
        result[name] = new JsonObject(map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
    }

    private static ulong Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[at++];
            value |= (ulong)(next & 0x7f) << shift;
            if ((next & 0x80) == 0)
            {
                return value;
            }
        }
    }
}
