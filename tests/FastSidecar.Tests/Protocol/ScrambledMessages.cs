using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace FastSidecar.Tests.Protocol;

/// <summary>
/// Encodes a message anew as no encoder would, from a seed: overlong varints, neighbouring fields swapped, fields sent twice, unknown ones in
/// between. Whatever it comes to mean, every decoder has to read the same.
/// </summary>
internal sealed class ScrambledMessages(int seed)
{
    private readonly Random _random = new(seed);

    /// <param name="message">The encoded message.</param>
    /// <param name="descriptor">What it is.</param>
    public byte[] Scramble(byte[] message, MessageDescriptor descriptor)
    {
        // What an entry means whose value comes twice differs between protobuf's languages.
        var mayRepeat = descriptor.GetOptions()?.MapEntry != true;
        var fields = new List<byte[]>();
        var input = new CodedInputStream(message);
        for (var tag = input.ReadTag(); tag != 0; tag = input.ReadTag())
        {
            var field = Field(tag, input, descriptor);
            fields.Add(field);
            if (mayRepeat && _random.Next(6) == 0)
            {
                fields.Add(field);
            }

            if (_random.Next(6) == 0)
            {
                fields.Add(Unknown());
            }
        }

        for (var i = 1; i < fields.Count; i++)
        {
            if (_random.Next(4) == 0)
            {
                (fields[i - 1], fields[i]) = (fields[i], fields[i - 1]);
            }
        }

        return PeerWire.Join([.. fields]);
    }

    private byte[] Field(uint tag, CodedInputStream input, MessageDescriptor descriptor)
    {
        if (WireFormat.GetTagWireType(tag) == WireFormat.WireType.Varint)
        {
            return PeerWire.Join(Varint(tag), Varint(input.ReadUInt64()));
        }

        var content = input.ReadBytes().ToByteArray();
        if (descriptor.FindFieldByNumber(WireFormat.GetTagFieldNumber(tag)) is { FieldType: FieldType.Message } field && _random.Next(4) > 0)
        {
            content = Scramble(content, field.MessageType);
        }

        return PeerWire.Join(Varint(tag), Varint((ulong)content.Length), content);
    }

    private byte[] Unknown()
    {
        var number = (uint)_random.Next(15, 200) << 3;
        return _random.Next(4) switch
        {
            0 => PeerWire.Join(Varint(number), Varint((ulong)_random.NextInt64())),
            1 => PeerWire.Join(Varint(number | 1), new byte[8]),
            2 => PeerWire.Join(Varint(number | 5), new byte[4]),
            _ => PeerWire.Join(Varint(number | 2), [3, 0xff, 0x0a, 0x01]),
        };
    }

    /// <summary>In up to two bytes more than it takes.</summary>
    private byte[] Varint(ulong value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        bytes.Add((byte)value);
        for (var more = Math.Max(0, _random.Next(-6, 3)); more > 0 && bytes.Count < 10; more--)
        {
            bytes[^1] |= 0x80;
            bytes.Add(0);
        }

        return [.. bytes];
    }
}
