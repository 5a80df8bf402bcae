using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Grpc;

/// <summary>Makes a protobuf message of the JSON of a recording; fields in the order in which the JSON has them.</summary>
internal static class MessageWriter
{
    /// <summary>Raw bytes that are appended to a message.</summary>
    private const string Appended = "_hex";

    public static byte[] Write(JsonNode? message, string type)
    {
        if (MessageSchema.Of(type) is not { } fields || message is not JsonObject o)
        {
            return Bytes(message);
        }

        var result = new MemoryStream();
        foreach (var (name, value) in o)
        {
            if (name == Appended)
            {
                result.Write(Convert.FromHexString(value!.GetValue<string>()));
                continue;
            }

            var field = fields.FirstOrDefault(f => f.Name == name) ?? throw new InvalidDataException($"{type} has no field {name}");
            foreach (var one in field.IsRepeated ? value!.AsArray() : [value?.DeepClone()])
            {
                Write(result, field, one, o);
            }
        }

        return result.ToArray();
    }

    /// <summary>A text, <c>b64</c>, <c>hex</c>, or <c>repeat</c> and <c>times</c>.</summary>
    public static byte[] Bytes(JsonNode? value) => value switch
    {
        null => [],
        JsonObject o when o["b64"] is { } base64 => Convert.FromBase64String(base64.GetValue<string>()),
        JsonObject o when o["repeat"] is { } repeat => Encoding.UTF8.GetBytes(
            new StringBuilder().Insert(0, repeat.GetValue<string>(), o["times"]!.GetValue<int>()).ToString()),
        JsonObject { Count: 0 } => [],
        JsonValue v => Encoding.UTF8.GetBytes(v.GetValue<string>()),
        _ => throw new InvalidDataException($"not bytes: {value.ToJsonString()}"),
    };

    private static void Write(MemoryStream to, MessageField field, JsonNode? value, JsonObject parent)
    {
        switch (field.Kind)
        {
            case FieldKind.Number:
                Varint(to, (ulong)field.Number << 3);
                Varint(to, (ulong)value!.GetValue<long>());
                break;
            case FieldKind.Text or FieldKind.Bytes:
                Delimited(to, field.Number, Bytes(value));
                break;
            case FieldKind.Message:
                Delimited(to, field.Number, Write(value, field.Type));
                break;
            case FieldKind.AnyValue:
                var known = MessageSchema.OfTypeUrl(parent["type_url"]?.GetValue<string>() ?? "");
                Delimited(to, field.Number, value is JsonObject o && o["b64"] is null && o["repeat"] is null && known is not null ? Write(o, known) : Bytes(value));
                break;
            case FieldKind.Lists or FieldKind.Texts:
                foreach (var (key, entry) in value!.AsObject())
                {
                    Delimited(to, field.Number, Entry(key, entry!));
                }

                break;
            default:
                throw new InvalidDataException($"cannot write {field.Kind}");
        }
    }

    private static byte[] Entry(string key, JsonNode value)
    {
        var entry = new MemoryStream();
        Delimited(entry, 1, Encoding.UTF8.GetBytes(key));
        if (value is not JsonArray values)
        {
            Delimited(entry, 2, Bytes(value));
            return entry.ToArray();
        }

        var list = new MemoryStream();
        foreach (var one in values)
        {
            Delimited(list, 1, Bytes(one));
        }

        Delimited(entry, 2, list.ToArray());
        return entry.ToArray();
    }

    private static void Delimited(MemoryStream to, int number, byte[] bytes)
    {
        Varint(to, ((ulong)number << 3) | 2);
        Varint(to, (ulong)bytes.Length);
        to.Write(bytes);
    }

    private static void Varint(MemoryStream to, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            to.WriteByte((byte)(value | 0x80));
        }

        to.WriteByte((byte)value);
    }
}
