using System.Text;

namespace FastSidecar.Conformance.Http2;

/// <summary>
/// HPACK decoding (RFC 7541) for one direction of a connection, written apart from the product's so that neither can hide a fault of
/// the other. One character of a name or value is one byte.
/// </summary>
internal sealed class HpackReader
{
    private const int EntryOverheadBytes = 32;

    private readonly List<(string Name, string Value)> _dynamic = [];
    private int _dynamicBytes;
    private int _limitBytes = 4096;

    public List<(string Name, string Value)> Read(ReadOnlySpan<byte> block)
    {
        var fields = new List<(string, string)>();
        var at = 0;
        while (at < block.Length)
        {
            var first = block[at];
            if ((first & 0x80) != 0)
            {
                fields.Add(Entry(Integer(block, ref at, 7)));
            }
            else if ((first & 0x40) != 0)
            {
                var field = Literal(block, ref at, 6);
                fields.Add(field);
                Insert(field);
            }
            else if ((first & 0x20) != 0)
            {
                _limitBytes = Integer(block, ref at, 5);
                Evict(0);
            }
            else
            {
                fields.Add(Literal(block, ref at, 4));
            }
        }

        return fields;
    }

    private (string Name, string Value) Literal(ReadOnlySpan<byte> block, ref int at, int prefixBits)
    {
        var index = Integer(block, ref at, prefixBits);
        var name = index == 0 ? Text(block, ref at) : Entry(index).Name;
        return (name, Text(block, ref at));
    }

    private (string Name, string Value) Entry(int index)
    {
        if (index <= 0 || index > HpackStaticTable.Entries.Length + _dynamic.Count)
        {
            throw new InvalidDataException($"HPACK index {index} of {HpackStaticTable.Entries.Length + _dynamic.Count}");
        }

        return index <= HpackStaticTable.Entries.Length ? HpackStaticTable.Entries[index - 1] : _dynamic[index - HpackStaticTable.Entries.Length - 1];
    }

    private void Insert((string Name, string Value) field)
    {
        var size = Size(field);
        Evict(size);
        if (size <= _limitBytes)
        {
            _dynamic.Insert(0, field);
            _dynamicBytes += size;
        }
    }

    private void Evict(int room)
    {
        while (_dynamic.Count > 0 && _dynamicBytes + room > _limitBytes)
        {
            _dynamicBytes -= Size(_dynamic[^1]);
            _dynamic.RemoveAt(_dynamic.Count - 1);
        }
    }

    private static int Size((string Name, string Value) field) => field.Name.Length + field.Value.Length + EntryOverheadBytes;

    private static int Integer(ReadOnlySpan<byte> block, ref int at, int prefixBits)
    {
        var most = (1 << prefixBits) - 1;
        var value = block[at++] & most;
        if (value < most)
        {
            return value;
        }

        for (var shift = 0; ; shift += 7)
        {
            var next = block[at++];
            value += (next & 0x7f) << shift;
            if ((next & 0x80) == 0)
            {
                return value;
            }
        }
    }

    private static string Text(ReadOnlySpan<byte> block, ref int at)
    {
        var isHuffman = (block[at] & 0x80) != 0;
        var length = Integer(block, ref at, 7);
        var bytes = block.Slice(at, length);
        at += length;
        return Encoding.Latin1.GetString(isHuffman ? HuffmanReader.Read(bytes) : bytes);
    }
}
