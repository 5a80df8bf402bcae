using System.Text;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>Single fields of a message that lies in memory as a whole, for requests of which little is needed.</summary>
internal static class MessageFields
{
    /// <summary>A string field; empty when it is not there. The last one counts.</summary>
    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    public static string Text(ReadOnlySpan<byte> message, int number) => Encoding.UTF8.GetString(WireReader.Text(Bytes(message, number)));

    /// <summary>The contents of a length-delimited field; empty when it is not there.</summary>
    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    public static ReadOnlySpan<byte> Bytes(ReadOnlySpan<byte> message, int number)
    {
        _ = TryGet(message, number, out var content);
        return content;
    }

    /// <summary>As <see cref="Bytes"/>; false when the field is not there, as against there and empty.</summary>
    public static bool TryGet(ReadOnlySpan<byte> message, int number, out ReadOnlySpan<byte> content)
    {
        content = default;
        var found = false;
        var reader = new WireReader(message);
        while (reader.TryReadField(out var field, out var bytes))
        {
            if (field.Is(number, WireType.Bytes))
            {
                content = bytes;
                found = true;
            }
        }

        return found;
    }

    /// <summary>A varint field; 0 when it is not there.</summary>
    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    public static long Number(ReadOnlySpan<byte> message, int number)
    {
        var value = 0L;
        var reader = new WireReader(message);
        while (reader.TryReadField(out var field, out _))
        {
            if (field.Is(number, WireType.Varint))
            {
                value = (long)field.Value;
            }
        }

        return value;
    }
}
