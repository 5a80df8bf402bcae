using System.Buffers;
using System.Diagnostics;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// Decodes the header blocks of one direction of one connection, in the order they arrive (RFC 7541). Not thread-safe. After an
/// <see cref="HpackException"/> it must not be used again.
/// </summary>
public sealed class HpackDecoder
{
    /// <summary>The dynamic table's size before any SETTINGS says otherwise (RFC 9113 §6.5.2).</summary>
    public const int DefaultTableBytes = 4096;

    private const int MinHardLimitBytes = 1024 * 1024;

    /// <summary>Decoded text is kept between blocks up to this size: more than the head of any ordinary request.</summary>
    private const int KeptScratchBytes = 16 * 1024;

    private readonly HpackDynamicTable _table;
    private readonly int _maxHeaderListBytes;
    private readonly long _hardLimitBytes;
    private int _maxTableBytes;
    private bool _sizeUpdateDue;
    private byte[] _scratch = [];
    private long _listBytes;
    private long _settingsChanges;

    /// <param name="maxHeaderListBytes">
    /// The SETTINGS_MAX_HEADER_LIST_SIZE that we announce, counted as RFC 9113 §6.5.2 counts. A larger list is decoded for the table's sake
    /// but not stored, see <see cref="TooLarge"/>; one that passes it by as much again (at least 1 MiB) is an error of the connection.
    /// </param>
    /// <param name="maxTableBytes">
    /// The SETTINGS_HEADER_TABLE_SIZE that we announce. One below the default takes effect with <see cref="SetMaxTableBytes"/>.
    /// </param>
    public HpackDecoder(int maxHeaderListBytes, int maxTableBytes = DefaultTableBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxHeaderListBytes);
        ArgumentOutOfRangeException.ThrowIfNegative(maxTableBytes);
        _maxHeaderListBytes = maxHeaderListBytes;
        _hardLimitBytes = (long)maxHeaderListBytes + Math.Max(maxHeaderListBytes, MinHardLimitBytes);

        // Until the peer has acknowledged our SETTINGS its encoder may still work by the protocol's default.
        _maxTableBytes = Math.Max(maxTableBytes, DefaultTableBytes);
        _table = new HpackDynamicTable(DefaultTableBytes);
    }

    /// <summary>
    /// The list of the last block passed the limit: the target holds only the fields before that point, and the stream must fail
    /// (RFC 9113 §10.5.1). The connection goes on.
    /// </summary>
    public bool TooLarge { get; private set; }

    /// <summary>Changes with everything that may change what a block means: insertions, table sizes, a size update that is due.</summary>
    internal long Version => _table.Version + _settingsChanges;

    /// <summary>How the last block began.</summary>
    internal HpackIndexRun IndexRun { get; private set; }

    /// <summary>
    /// The peer has acknowledged a SETTINGS_HEADER_TABLE_SIZE of ours. After a reduction its next block must begin with a size update (RFC
    /// 9113 §4.3.1).
    /// </summary>
    public void SetMaxTableBytes(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        _settingsChanges++;
        _maxTableBytes = bytes;
        _sizeUpdateDue = _table.MaxBytes > bytes;
    }

    /// <summary>Decodes a complete block (HEADERS or PUSH_PROMISE with its CONTINUATIONs) that may lie in several segments.</summary>
    /// <exception cref="HpackException">The block is malformed: the connection must end with COMPRESSION_ERROR.</exception>
    public void Decode(in ReadOnlySequence<byte> block, HeaderList target)
    {
        var joined = block.Join(out var rented);
        try
        {
            Decode(joined, target);
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<byte>.Shared.Return(rented);
            }
        }
    }

    /// <summary>Decodes a complete block and adds its fields to <paramref name="target"/>.</summary>
    /// <exception cref="HpackException">The block is malformed: the connection must end with COMPRESSION_ERROR.</exception>
    public void Decode(ReadOnlySpan<byte> block, HeaderList target)
    {
        TooLarge = false;
        _listBytes = 0;
        var reader = new HpackReader(block);
        while (TryReadSizeUpdate(ref reader))
        {
        }

        if (_sizeUpdateDue && !reader.AtEnd)
        {
            throw new HpackException("a header block does not begin with the table size update that our SETTINGS_HEADER_TABLE_SIZE asks for");
        }

        ReadFields(ref reader, default, target);
    }

    /// <summary>
    /// Decodes a block whose start is known to be <paramref name="known"/>, read in the same <see cref="Version"/>: <paramref
    /// name="target"/> holds those fields already.
    /// </summary>
    internal void DecodeBehind(HpackIndexRun known, ReadOnlySpan<byte> block, HeaderList target)
    {
        Debug.Assert(!_sizeUpdateDue, "nothing is known of a block that must begin with a size update");
        TooLarge = false;
        _listBytes = known.ListBytes;
        var reader = new HpackReader(block[known.BlockBytes..]);
        ReadFields(ref reader, known, target);
    }

    private void ReadFields(ref HpackReader reader, HpackIndexRun before, HeaderList target)
    {
        var fields = before.Fields;
        while (!reader.AtEnd && (reader.Peek() & 0x80) != 0)
        {
            ReadIndexed(reader.ReadInteger(prefixBits: 7), target);
            fields++;
        }

        IndexRun = new HpackIndexRun(fields, before.BlockBytes + reader.Position, _listBytes);
        while (!reader.AtEnd)
        {
            ReadField(ref reader, target);
        }

        if (_scratch.Length > KeptScratchBytes)
        {
            _scratch = [];
        }
    }

    //   0   1   2   3   4   5   6   7
    // +---+---+---+---+---+---+---+---+
    // | 0 | 0 | 1 |   Max size (5+)   |   dynamic table size update (RFC 7541 §6.3), only at the start of a block (§4.2)
    // +---+---+---+-------------------+
    private bool TryReadSizeUpdate(ref HpackReader reader)
    {
        if (reader.AtEnd || (reader.Peek() & 0xe0) != 0x20)
        {
            return false;
        }

        var bytes = reader.ReadInteger(prefixBits: 5);
        if (bytes > _maxTableBytes)
        {
            throw new HpackException($"a table size update asks for {bytes} bytes, allowed are {_maxTableBytes}");
        }

        _table.Resize(bytes);
        _sizeUpdateDue = false;
        return true;
    }

    // | 1 |        Index (7+)         |   indexed (RFC 7541 §6.1)
    // | 0 | 1 |      Index (6+)       |   literal, added to the dynamic table (§6.2.1); index 0: a literal name follows
    // | 0 | 0 | 0 | 0 |  Index (4+)   |   literal, not added (§6.2.2)
    // | 0 | 0 | 0 | 1 |  Index (4+)   |   literal, never to be added by anyone (§6.2.3)
    private void ReadField(ref HpackReader reader, HeaderList target)
    {
        var first = reader.Peek();
        if ((first & 0x80) != 0)
        {
            ReadIndexed(reader.ReadInteger(prefixBits: 7), target);
        }
        else if ((first & 0x40) != 0)
        {
            ReadLiteral(ref reader, prefixBits: 6, insert: true, target);
        }
        else if ((first & 0x20) != 0)
        {
            throw new HpackException("a table size update stands behind the first field of a header block");
        }
        else
        {
            ReadLiteral(ref reader, prefixBits: 4, insert: false, target);
        }
    }

    private void ReadIndexed(int index, HeaderList target)
    {
        if (index is > 0 and <= HpackStaticTable.Count)
        {
            Emit(HpackStaticTable.NameAndValue(index, out var nameLength), nameLength, target);
        }
        else
        {
            Emit(_table.NameAndValue(EntryNumber(index), out var nameLength), nameLength, target);
        }
    }

    private void ReadLiteral(ref HpackReader reader, int prefixBits, bool insert, HeaderList target)
    {
        var scratchUsed = 0;
        var index = reader.ReadInteger(prefixBits);
        var name = index switch
        {
            0 => ReadString(ref reader, ref scratchUsed),
            <= HpackStaticTable.Count => HpackStaticTable.Name(index),
            _ => CopyToScratch(_table.Name(EntryNumber(index)), ref scratchUsed),
        };
        var value = ReadString(ref reader, ref scratchUsed);
        Emit(name, value, target);
        if (insert)
        {
            _table.Insert(name, value);
        }
    }

    private void Emit(ReadOnlySpan<byte> nameAndValue, int nameLength, HeaderList target)
    {
        if (Count(nameAndValue.Length))
        {
            target.Add(nameAndValue, nameLength);
        }
    }

    private void Emit(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, HeaderList target)
    {
        if (Count((long)name.Length + value.Length))
        {
            target.Add(name, value);
        }
    }

    /// <summary>Whether the list has room for a field of so many bytes.</summary>
    private bool Count(long fieldBytes)
    {
        _listBytes += fieldBytes + HpackDynamicTable.EntryOverheadBytes;
        if (_listBytes <= _maxHeaderListBytes)
        {
            return true;
        }

        // One byte can stand for a whole table entry, so the count must end somewhere even though it costs nothing.
        TooLarge = true;
        if (_listBytes > _hardLimitBytes)
        {
            throw new HpackException($"a header list is larger than {_hardLimitBytes} bytes, announced were {_maxHeaderListBytes}");
        }

        return false;
    }

    private long EntryNumber(int index)
    {
        if (index == 0)
        {
            throw new HpackException("index 0 does not exist");
        }

        var age = index - HpackStaticTable.Count - 1;
        if (age >= _table.Count)
        {
            throw new HpackException($"index {index} is beyond the table, which has {HpackStaticTable.Count + _table.Count} entries");
        }

        return _table.Newest - age;
    }

    /// <summary>The string's bytes: in the block when plain, otherwise in the scratch. Valid until the next field.</summary>
    private ReadOnlySpan<byte> ReadString(ref HpackReader reader, ref int scratchUsed)
    {
        var coded = reader.ReadString(out var huffman);
        if (!huffman)
        {
            return coded;
        }

        var room = ReserveScratch(HuffmanDecoder.MaxDecodedLength(coded.Length), scratchUsed);
        var length = HuffmanDecoder.Decode(coded, room);
        scratchUsed += length;
        return room[..length];
    }

    /// <summary>Inserting may evict or move the entry that a name came from (RFC 7541 §4.4).</summary>
    private ReadOnlySpan<byte> CopyToScratch(ReadOnlySpan<byte> text, ref int scratchUsed)
    {
        var room = ReserveScratch(text.Length, scratchUsed);
        text.CopyTo(room);
        scratchUsed += text.Length;
        return room[..text.Length];
    }

    private Span<byte> ReserveScratch(int bytes, int used)
    {
        if (_scratch.Length - used < bytes)
        {
            // A span of the field's name keeps the old array alive as long as it is needed.
            _scratch = new byte[Math.Max(256, checked(used + bytes))];
            return _scratch;
        }

        return _scratch.AsSpan(used);
    }
}
