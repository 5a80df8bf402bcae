using System.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

/// <summary>The decoder's table against a plain list that follows RFC 7541 §4 to the letter.</summary>
public sealed class DynamicTableModelTests
{
    private readonly List<(byte[] Name, byte[] Value)> _model = [];
    private int _maxBytes = 4096;

    [Theory]
    [InlineData(1, 4096)]
    [InlineData(2, 300)]
    [InlineData(3, 100)]
    [InlineData(4, 1000)]
    [InlineData(5, 560)]
    public void RandomInsertions_NamesTakenFromEntriesBeingEvicted_Agree(int seed, int tableBytes)
    {
        var random = new Random(seed);
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        var target = new HeaderList();
        for (var i = 0; i < 5000; i++)
        {
            var block = new ArrayBufferWriter<byte>();
            if (i == 0 || random.Next(100) == 0)
            {
                _maxBytes = random.Next(4) == 0 ? random.Next(tableBytes) : tableBytes;
                Write(block, 0x20, 5, _maxBytes);
                Evict(_maxBytes);
            }

            var field = WriteField(block, random, tableBytes);
            target.Clear();
            decoder.Decode(block.WrittenSpan, target);
            Assert.Equal(field.Name, target.Name(0).ToArray());
            Assert.Equal(field.Value, target.Value(0).ToArray());
        }

        // At the end every index gives what the list holds.
        for (var i = 0; i < _model.Count; i++)
        {
            var block = new ArrayBufferWriter<byte>();
            Write(block, 0x80, 7, HpackStaticTable.Count + 1 + i);
            target.Clear();
            decoder.Decode(block.WrittenSpan, target);
            Assert.Equal(_model[i].Name, target.Name(0).ToArray());
            Assert.Equal(_model[i].Value, target.Value(0).ToArray());
        }
    }

    private (byte[] Name, byte[] Value) WriteField(ArrayBufferWriter<byte> block, Random random, int tableBytes)
    {
        var index = _model.Count == 0 ? -1 : random.Next(3) == 0 ? random.Next(_model.Count) : _model.Count - 1; // mostly the oldest, which goes next
        if (index >= 0 && random.Next(4) == 0)
        {
            Write(block, 0x80, 7, HpackStaticTable.Count + 1 + index);
            return _model[index];
        }

        var name = RandomBytes(random, random.Next(1, 20));
        var nameIndex = index >= 0 && random.Next(2) == 0 ? HpackStaticTable.Count + 1 + index : 0;
        Write(block, 0x40, 6, nameIndex);
        if (nameIndex == 0)
        {
            WriteText(block, name);
        }
        else
        {
            name = _model[index].Name;
        }

        var value = RandomBytes(random, random.Next(random.Next(4) switch { 0 => tableBytes / 2, 1 => tableBytes / 4, _ => 40 }));
        WriteText(block, value);
        Insert(name, value);
        return (name, value);
    }

    private void Insert(byte[] name, byte[] value)
    {
        var size = name.Length + value.Length + 32;
        Evict(_maxBytes - size);
        if (size <= _maxBytes)
        {
            _model.Insert(0, (name, value));
        }
    }

    private void Evict(int bytes)
    {
        while (_model.Count > 0 && _model.Sum(entry => entry.Name.Length + entry.Value.Length + 32) > bytes)
        {
            _model.RemoveAt(_model.Count - 1);
        }
    }

    private static void Write(ArrayBufferWriter<byte> block, byte pattern, int prefixBits, int number)
    {
        var writer = new HpackWriter(block.GetSpan(HpackWriter.MaxIntegerBytes));
        writer.WriteInteger(pattern, prefixBits, number);
        block.Advance(writer.Written);
    }

    private static void WriteText(ArrayBufferWriter<byte> block, byte[] text)
    {
        Write(block, 0, 7, text.Length);
        block.Write(text);
    }

    private static byte[] RandomBytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }
}
