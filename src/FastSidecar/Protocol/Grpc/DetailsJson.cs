using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Grpc;

/// <summary>The details of a status as Go's protojson writes them, without its random white space.</summary>
internal static class DetailsJson
{
    /// <summary>Writes the list. Returns null, or why it cannot be written, in protojson's words; then part of it was.</summary>
    /// <param name="output">Receives the JSON.</param>
    /// <param name="details">Encoded fields of number 3, each a google.protobuf.Any.</param>
    public static string? Write(IBufferWriter<byte> output, ReadOnlySpan<byte> details)
    {
        output.Write("["u8);
        var separator = ""u8;
        var reader = new WireReader(details);
        while (reader.TryReadField(out var field, out var any))
        {
            if (!field.Is(3, WireType.Bytes))
            {
                continue;
            }

            output.Write(separator);
            separator = ","u8;
            if (WriteAny(output, any) is { } problem)
            {
                return problem;
            }
        }

        output.Write("]"u8);
        return null;
    }

    private static string? WriteAny(IBufferWriter<byte> output, ReadOnlySpan<byte> any)
    {
        var typeUrl = MessageFields.Text(any, 1);
        var value = MessageFields.Bytes(any, 2);
        if (typeUrl.Length == 0 && value.IsEmpty)
        {
            output.Write("{}"u8);
            return null;
        }

        if (DetailType.Find(typeUrl) is not { } type)
        {
            return $"proto: google.protobuf.Any: unable to resolve {GoText.Quote(typeUrl)}: not found";
        }

        try
        {
            output.Write("{\"@type\":"u8);
            GoJson.WriteString(output, Encoding.UTF8.GetBytes(typeUrl), escapeHtml: false);
            if (type.IsValue)
            {
                output.Write(",\"value\":"u8);
                WriteValue(output, typeUrl, type, value);
            }
            else
            {
                WriteFields(output, type, value, first: false);
            }

            output.Write("}"u8);
            return null;
        }
        catch (ProtobufException e)
        {
            return $"proto: google.protobuf.Any: unable to unmarshal {GoText.Quote(typeUrl)}: {e.Message}";
        }
    }

    /// <summary>A message that JSON has as a single value, which is written also where it is the default.</summary>
    private static void WriteValue(IBufferWriter<byte> output, string typeUrl, DetailType type, ReadOnlySpan<byte> message)
    {
        if (type.Fields is [var only])
        {
            WriteScalar(output, only.Kind, Last(message, 1, out var number), number);
        }
        else if (typeUrl.EndsWith(".Duration", StringComparison.Ordinal))
        {
            WriteDuration(output, message);
        }
        else
        {
            output.Write("{}"u8);
        }
    }

    private static ReadOnlySpan<byte> Last(ReadOnlySpan<byte> message, int fieldNumber, out ulong number)
    {
        ReadOnlySpan<byte> last = default;
        number = 0;
        var reader = new WireReader(message);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Number == fieldNumber)
            {
                last = content;
                number = field.Value;
            }
        }

        return last;
    }

    private static void WriteFields(IBufferWriter<byte> output, DetailType type, ReadOnlySpan<byte> message, bool first)
    {
        foreach (var field in type.Fields)
        {
            if (!IsThere(message, field))
            {
                continue;
            }

            output.Write(first ? "\""u8 : ",\""u8);
            first = false;
            output.Write(Encoding.ASCII.GetBytes(field.Name));
            output.Write("\":"u8);
            WriteField(output, field, message);
        }
    }

    /// <summary>Go leaves out what has its default.</summary>
    private static bool IsThere(ReadOnlySpan<byte> message, DetailField wanted)
    {
        var reader = new WireReader(message);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Number == wanted.Number
                && (wanted.IsRepeated || wanted.Kind is DetailKind.Message or DetailKind.Map or DetailKind.Duration || !content.IsEmpty || (field.Type == WireType.Varint && field.Value != 0)))
            {
                return true;
            }
        }

        return false;
    }

    private static void WriteField(IBufferWriter<byte> output, DetailField field, ReadOnlySpan<byte> message)
    {
        if (field.Kind == DetailKind.Map)
        {
            WriteMap(output, field.Number, message);
            return;
        }

        if (!field.IsRepeated)
        {
            WriteOne(output, field, Last(message, field.Number, out var number), number);
            return;
        }

        output.Write("["u8);
        var separator = ""u8;
        var reader = new WireReader(message);
        while (reader.TryReadField(out var head, out var content))
        {
            if (head.Number == field.Number)
            {
                output.Write(separator);
                separator = ","u8;
                WriteOne(output, field, content, head.Value);
            }
        }

        output.Write("]"u8);
    }

    private static void WriteOne(IBufferWriter<byte> output, DetailField field, ReadOnlySpan<byte> content, ulong number)
    {
        switch (field.Kind)
        {
            case DetailKind.Message:
                output.Write("{"u8);
                WriteFields(output, field.Type!, content, first: true); // which a message field has
                output.Write("}"u8);
                break;
            case DetailKind.Duration:
                WriteDuration(output, content);
                break;
            default:
                WriteScalar(output, field.Kind, content, number);
                break;
        }
    }

    private static void WriteScalar(IBufferWriter<byte> output, DetailKind kind, ReadOnlySpan<byte> content, ulong number)
    {
        switch (kind)
        {
            case DetailKind.Text:
                GoJson.WriteString(output, WireReader.Text(content), escapeHtml: false);
                break;
            case DetailKind.Bytes:
                WriteAscii(output, $"\"{Convert.ToBase64String(content)}\"");
                break;
            case DetailKind.Boolean:
                output.Write(number != 0 ? "true"u8 : "false"u8);
                break;
            case DetailKind.Number:
                WriteAscii(output, ((int)number).ToString(CultureInfo.InvariantCulture));
                break;
            case DetailKind.LongNumber:
                WriteAscii(output, $"\"{((long)number).ToString(CultureInfo.InvariantCulture)}\"");
                break;
            case DetailKind.UnsignedLongNumber:
                WriteAscii(output, $"\"{number.ToString(CultureInfo.InvariantCulture)}\"");
                break;
            case DetailKind.Double:
                WriteAscii(output, content.IsEmpty ? "0" : Number(BinaryPrimitives.ReadDoubleLittleEndian(content)));
                break;
            case DetailKind.Float:
                WriteAscii(output, content.IsEmpty ? "0" : Number(BinaryPrimitives.ReadSingleLittleEndian(content)));
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, "no scalar");
        }
    }

    private static string Number<T>(T number)
        where T : IFloatingPointIeee754<T> =>
        T.IsNaN(number) ? "\"NaN\""
        : T.IsInfinity(number) ? (T.IsNegative(number) ? "\"-Infinity\"" : "\"Infinity\"")
        : number.ToString(null, CultureInfo.InvariantCulture);

    /// <summary>In the order of its keys; of a key that came twice the last value.</summary>
    private static void WriteMap(IBufferWriter<byte> output, int number, ReadOnlySpan<byte> message)
    {
        var entries = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var reader = new WireReader(message);
        while (reader.TryReadField(out var field, out var entry))
        {
            if (field.Is(number, WireType.Bytes))
            {
                entries[MessageFields.Text(entry, 1)] = MessageFields.Text(entry, 2);
            }
        }

        output.Write("{"u8);
        var separator = ""u8;
        foreach (var (key, value) in entries)
        {
            output.Write(separator);
            separator = ","u8;
            GoJson.WriteString(output, Encoding.UTF8.GetBytes(key), escapeHtml: false);
            output.Write(":"u8);
            GoJson.WriteString(output, Encoding.UTF8.GetBytes(value), escapeHtml: false);
        }

        output.Write("}"u8);
    }

    /// <summary>Seconds with 0, 3, 6 or 9 decimals.</summary>
    private static void WriteDuration(IBufferWriter<byte> output, ReadOnlySpan<byte> message)
    {
        var seconds = MessageFields.Number(message, 1);
        var nanos = (int)MessageFields.Number(message, 2);
        var sign = seconds < 0 || nanos < 0 ? "-" : "";
        var decimals = Math.Abs(nanos).ToString("D9", CultureInfo.InvariantCulture);
        while (decimals.EndsWith("000", StringComparison.Ordinal))
        {
            decimals = decimals[..^3];
        }

        var point = decimals.Length == 0 ? "" : ".";
        WriteAscii(output, $"\"{sign}{Math.Abs(seconds).ToString(CultureInfo.InvariantCulture)}{point}{decimals}s\"");
    }

    private static void WriteAscii(IBufferWriter<byte> output, string text) => output.Write(Encoding.ASCII.GetBytes(text));
}
