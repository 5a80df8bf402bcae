using System.Buffers;
using System.Text;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>
/// Builds a message piece by piece, for those that are rare: sizes need not be known, and every message in it is one more object. What every
/// request writes has its sizes computed instead (<see cref="WireWriter"/>). As in proto3 an empty scalar is not written.
/// </summary>
internal sealed class MessageBuilder
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public ReadOnlySpan<byte> Span => _bytes.WrittenSpan;

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();

    public MessageBuilder Text(int number, string text) => text.Length == 0 ? this : Field(number, Encoding.UTF8.GetBytes(text));

    public MessageBuilder Bytes(int number, ReadOnlySpan<byte> bytes) => bytes.IsEmpty ? this : Field(number, bytes);

    /// <summary>A sub-message, or an element of a repeated field: there also when it is empty.</summary>
    public MessageBuilder Message(int number, MessageBuilder message) => Field(number, message.Span);

    /// <inheritdoc cref="Message"/>
    public MessageBuilder Field(int number, ReadOnlySpan<byte> content)
    {
        Varint(((ulong)number << 3) | (ulong)WireType.Bytes);
        Varint((ulong)content.Length);
        _bytes.Write(content);
        return this;
    }

    public MessageBuilder Number(int number, long value) => value == 0 ? this : NumberAlways(number, value);

    /// <summary>A field that tells 0 from nothing.</summary>
    public MessageBuilder NumberAlways(int number, long value)
    {
        Varint(((ulong)number << 3) | (ulong)WireType.Varint);
        Varint((ulong)value);
        return this;
    }

    /// <summary>An entry of a <c>map&lt;string, string&gt;</c>; as Go writes it, with both fields always.</summary>
    public MessageBuilder Entry(int number, string key, ReadOnlySpan<byte> value)
    {
        var entry = new MessageBuilder();
        entry.Field(1, Encoding.UTF8.GetBytes(key));
        entry.Field(2, value);
        return Message(number, entry);
    }

    /// <summary>Encoded fields as they are.</summary>
    public MessageBuilder Raw(ReadOnlySpan<byte> fields)
    {
        _bytes.Write(fields);
        return this;
    }

    private void Varint(ulong value)
    {
        const int MaxVarintBytes = 10;
        var span = _bytes.GetSpan(MaxVarintBytes);
        var count = 0;
        while (value >= 0x80)
        {
            span[count++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[count++] = (byte)value;
        _bytes.Advance(count);
    }
}
