using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Grpc;

/// <summary>Shows a protobuf message as the recordings do: names of the schema, maps by key, <c>?N</c> for an unknown field, no default values.</summary>
internal static class MessageReader
{
    private const int LongBytes = 1024;
    private const int StartBytes = 24;
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public static JsonNode Read(ReadOnlySpan<byte> message, string type)
    {
        if (MessageSchema.Of(type) is not { Count: > 0 } fields)
        {
            return Bytes(message);
        }

        try
        {
            return Fields(message, fields);
        }
        catch (Exception e) when (e is InvalidDataException or IndexOutOfRangeException or ArgumentOutOfRangeException)
        {
            return new JsonObject { ["no_message"] = Convert.ToBase64String(message) };
        }
    }

    /// <summary>Text where it is one, <c>b64</c>, or length and hash when it is long.</summary>
    public static JsonNode Bytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > LongBytes)
        {
            return new JsonObject
            {
                ["length"] = bytes.Length,
                ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(bytes)),
                ["start"] = Encoding.Latin1.GetString(bytes[..StartBytes]),
            };
        }

        foreach (var b in bytes)
        {
            if (b is < 32 and not ((byte)'\r' or (byte)'\n' or (byte)'\t') or 127)
            {
                return new JsonObject { ["b64"] = Convert.ToBase64String(bytes) };
            }
        }

        try
        {
            return JsonValue.Create(Strict.GetString(bytes));
        }
        catch (DecoderFallbackException)
        {
            return new JsonObject { ["b64"] = Convert.ToBase64String(bytes) };
        }
    }

    private static JsonObject Fields(ReadOnlySpan<byte> message, IReadOnlyList<MessageField> fields)
    {
        var result = new JsonObject();
        byte[]? anyValue = null;
        var at = 0;
        while (at < message.Length)
        {
            var key = Varint(message, ref at);
            var number = (int)(key >> 3);
            var field = fields.FirstOrDefault(f => f.Number == number);
            switch (key & 7)
            {
                case 0:
                    var value = Varint(message, ref at);
                    if (value != 0 || field is null)
                    {
                        result[field?.Name ?? $"?{number}"] = (long)value;
                    }

                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    var bytes = message.Slice(at, length);
                    at += length;
                    if (field?.Kind == FieldKind.AnyValue)
                    {
                        anyValue = bytes.ToArray();
                    }
                    else
                    {
                        Take(result, field ?? new MessageField(number, $"?{number}", FieldKind.Bytes), bytes);
                    }

                    break;
                default:
                    throw new InvalidDataException($"field {number} has wire type {key & 7}");
            }
        }

        if (anyValue is { Length: > 0 })
        {
            result["value"] = MessageSchema.OfTypeUrl(result["type_url"]?.GetValue<string>() ?? "") is { } known ? Read(anyValue, known) : Bytes(anyValue);
        }

        return result;
    }

    private static void Take(JsonObject result, MessageField field, ReadOnlySpan<byte> bytes)
    {
        switch (field.Kind)
        {
            case FieldKind.Lists or FieldKind.Texts:
                result[field.Name] = WithEntry(result[field.Name] as JsonObject ?? [], bytes, field.Kind);
                break;
            case FieldKind.Message when field.IsRepeated:
                Add(result, field.Name, Read(bytes, field.Type));
                break;
            case FieldKind.Message:
                result[field.Name] = field.Type == "Empty" && bytes.Length == 0 ? new JsonObject() : Read(bytes, field.Type);
                break;
            case FieldKind.Text when field.IsRepeated:
                Add(result, field.Name, Bytes(bytes));
                break;
            default:
                if (bytes.Length > 0)
                {
                    result[field.Name] = Bytes(bytes);
                }

                break;
        }
    }

    private static void Add(JsonObject result, string name, JsonNode value)
    {
        result[name] ??= new JsonArray();
        result[name]!.AsArray().Add(value);
    }

    private static JsonObject WithEntry(JsonObject map, ReadOnlySpan<byte> entry, FieldKind kind)
    {
        var key = "";
        JsonNode value = kind == FieldKind.Lists ? new JsonArray() : "";
        for (var at = 0; at < entry.Length;)
        {
            var number = (int)(Varint(entry, ref at) >> 3);
            var length = (int)Varint(entry, ref at);
            var bytes = entry.Slice(at, length);
            at += length;
            if (number == 1)
            {
                key = Encoding.UTF8.GetString(bytes);
            }
            else
            {
                value = kind == FieldKind.Lists ? Values(bytes) : Bytes(bytes);
            }
        }

        map[key] = value;
        return new JsonObject(map.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, p.Value?.DeepClone())));
    }

    private static JsonArray Values(ReadOnlySpan<byte> list)
    {
        var values = new JsonArray();
        for (var at = 0; at < list.Length;)
        {
            Varint(list, ref at);
            var length = (int)Varint(list, ref at);
            values.Add(Bytes(list.Slice(at, length)));
            at += length;
        }

        return values;
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
