using System.Buffers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// Encodes the header blocks of one direction of one connection, in the order they are sent (RFC 7541). Not thread-safe: whoever holds the
/// connection's output encodes.
/// </summary>
/// <remarks>
/// The same few lists are sent again and again, so what repeats goes into the dynamic table and costs one byte from the second time on. Secrets are
/// never indexed. A name keeps at most <see cref="MaxValuesOnFirstSight"/> values that were never asked for again; further ones are added only when they
/// come a second time. So a header with an id of the request in it cannot wash the table, whatever it is called.
/// </remarks>
public sealed class HpackEncoder
{
    private const int MaxValuesOnFirstSight = 4;

    /// <summary>Hashes of fields sent as literals lately, to notice the second time. A power of two; a clash only costs a chance to index.</summary>
    private const int RecentLiterals = 64;

    /// <summary>An entry may take this part of the table: a larger one would push out more than it saves.</summary>
    private const int LargestPartOfTable = 4;

    private readonly HpackEncoderTable _table;
    private readonly uint[] _recentLiterals = new uint[RecentLiterals];
    private readonly int _maxTableBytes;
    private int _smallestTableBytes = int.MaxValue; // since the last block; MaxValue: nothing to tell

    /// <param name="maxTableBytes">The most memory that we spend on the table, whatever more the peer allows.</param>
    public HpackEncoder(int maxTableBytes = HpackDecoder.DefaultTableBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxTableBytes);
        _maxTableBytes = maxTableBytes;
        _table = new HpackEncoderTable(HpackDecoder.DefaultTableBytes);
        if (maxTableBytes < HpackDecoder.DefaultTableBytes)
        {
            SetPeerTableBytes(HpackDecoder.DefaultTableBytes);
        }
    }

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE. The next block tells the peer what we use of it (RFC 7541 §4.2).</summary>
    public void SetPeerTableBytes(long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var used = (int)Math.Min(bytes, _maxTableBytes);
        if (used == _table.MaxBytes)
        {
            return;
        }

        _table.Resize(used);
        _smallestTableBytes = Math.Min(_smallestTableBytes, used);
    }

    /// <summary>Writes the list as one complete header block. Names must be lower-case and pseudo-headers first (RFC 9113 §8.2, §8.3): nothing is checked here.</summary>
    public void Encode(HeaderList headers, IBufferWriter<byte> output)
    {
        var writer = new HpackWriter(output.GetSpan(3 * HpackWriter.MaxIntegerBytes));
        WriteSizeUpdates(ref writer);
        for (var i = 0; i < headers.Count; i++)
        {
            var name = headers.Name(i);
            var value = headers.Value(i);
            var longest = checked((3 * HpackWriter.MaxIntegerBytes) + name.Length + value.Length);
            if (writer.Room < longest)
            {
                output.Advance(writer.Written);
                writer = new HpackWriter(output.GetSpan(longest));
            }

            WriteField(ref writer, name, value);
        }

        output.Advance(writer.Written);
    }

    private void WriteSizeUpdates(ref HpackWriter writer)
    {
        if (_smallestTableBytes == int.MaxValue)
        {
            return;
        }

        // A table that shrank and grew again has lost entries: the peer must see both (RFC 7541 §4.2).
        if (_smallestTableBytes < _table.MaxBytes)
        {
            writer.WriteInteger(0x20, 5, _smallestTableBytes);
        }

        writer.WriteInteger(0x20, 5, _table.MaxBytes);
        _smallestTableBytes = int.MaxValue;
    }

    private void WriteField(ref HpackWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var nameHash = HpackHash.Of(name);
        var indexing = HpackKnownNames.Find(name, nameHash, value, out var staticIndex);
        if (indexing == HpackIndexing.Secret)
        {
            WriteLiteral(ref writer, 0x10, 4, staticIndex, name, value);
            return;
        }

        var index = staticIndex == 0 ? 0 : HpackStaticTable.FindValue(staticIndex, value);
        var fieldHash = 0u;
        if (index == 0)
        {
            fieldHash = HpackHash.Of(value, nameHash);
            index = _table.FindField(name, value, fieldHash);
        }

        if (index != 0)
        {
            writer.WriteInteger(0x80, 7, index);
            return;
        }

        WriteNewField(ref writer, name, value, nameHash, fieldHash, indexing, staticIndex);
    }

    private void WriteNewField(
        ref HpackWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, uint nameHash, uint fieldHash, HpackIndexing indexing, int staticIndex)
    {
        var nameIndex = _table.FindName(name, nameHash, countUpTo: MaxValuesOnFirstSight, out var valuesOfName);
        var worthAnEntry = indexing == HpackIndexing.Varies
            ? nameIndex == 0 && staticIndex == 0 // once, so that the next value finds the name
            : valuesOfName < MaxValuesOnFirstSight || CameLately(fieldHash);
        var insert = worthAnEntry && name.Length + value.Length + HpackDynamicTable.EntryOverheadBytes <= _table.MaxBytes / LargestPartOfTable;
        nameIndex = staticIndex != 0 ? staticIndex : nameIndex;
        if (!insert)
        {
            WriteLiteral(ref writer, 0x00, 4, nameIndex, name, value);
            return;
        }

        WriteLiteral(ref writer, 0x40, 6, nameIndex, name, value);
        _table.Insert(name, value, nameHash, fieldHash);
    }

    private bool CameLately(uint fieldHash)
    {
        ref var recent = ref _recentLiterals[fieldHash % RecentLiterals];
        var came = recent == fieldHash;
        recent = fieldHash;
        return came;
    }

    private static void WriteLiteral(
        ref HpackWriter writer, byte pattern, int prefixBits, int nameIndex, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        writer.WriteInteger(pattern, prefixBits, nameIndex);
        if (nameIndex == 0)
        {
            writer.WriteString(name);
        }

        writer.WriteString(value);
    }
}
