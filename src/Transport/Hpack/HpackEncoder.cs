using System.Buffers;
using System.Diagnostics;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// Encodes the header blocks of one direction of one connection, in the order they are sent (RFC 7541). Not thread-safe: whoever holds the
/// connection's output encodes.
/// </summary>
/// <remarks>
/// The same few lists are sent again and again, so what repeats goes into the dynamic table and costs one byte from the second time on.
/// Secrets are never indexed. A name keeps at most <see cref="MaxValuesOnFirstSight"/> values that were never asked for again; further ones
/// are added only when they come a second time. So a header with an id of the request in it cannot wash the table, whatever it is called.
/// </remarks>
public sealed class HpackEncoder
{
    private const int MaxValuesOnFirstSight = 4;

    /// <summary>
    /// Hashes of fields sent as literals lately, to notice the second time. A power of two; a clash only costs a chance to index.
    /// </summary>
    private const int RecentLiterals = 64;

    /// <summary>A power of two, a few times the fields of the lists that one connection sends.</summary>
    private const int Guesses = 64;

    /// <summary>An entry may take this part of the table: a larger one would push out more than it saves.</summary>
    private const int LargestPartOfTable = 4;

    private readonly HpackEncoderTable _table;
    private readonly uint[] _recentLiterals = new uint[RecentLiterals];

    /// <summary>
    /// Where a field with that place and those lengths was found last. The lists of a connection are so alike that the guess is nearly
    /// always right, and two comparisons are cheaper than the hashes that they save (measured on a ten-field request: 85 ns instead of
    /// 200).
    /// </summary>
    private readonly HpackPlace[] _guesses = new HpackPlace[Guesses];

    private readonly int _maxTableBytes;
    private int _smallestTableBytes = int.MaxValue; // since the last block; MaxValue: nothing to tell
    private long _sizeUpdates;

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

    /// <summary>
    /// Changes with everything that may change how a list is written: insertions, table sizes, a size update that is due or was written.
    /// </summary>
    internal long Version => _table.Version + _sizeUpdates;

    /// <summary>How the last block began.</summary>
    internal HpackIndexRun IndexRun { get; private set; }

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

    /// <summary>
    /// Writes the list as one complete header block. Names must be lower-case and pseudo-headers first (RFC 9113 §8.2, §8.3): nothing is
    /// checked here.
    /// </summary>
    public void Encode(HeaderList headers, IBufferWriter<byte> output)
    {
        if (_smallestTableBytes != int.MaxValue)
        {
            WriteSizeUpdates(output);
        }

        EncodeBehind(default, headers, output);
    }

    /// <summary>
    /// Writes the rest of a list whose start is known to be <paramref name="known"/>, encoded in the same <see cref="Version"/>: <paramref
    /// name="output"/> holds those bytes already.
    /// </summary>
    internal void EncodeBehind(HpackIndexRun known, HeaderList headers, IBufferWriter<byte> output)
    {
        Debug.Assert(_smallestTableBytes == int.MaxValue, "nothing is known of a block that must begin with a size update");
        var room = 3 * HpackWriter.MaxIntegerBytes;
        var writer = new HpackWriter(output.GetSpan(room));
        var blockBytes = known.BlockBytes;
        var runFields = known.Fields;
        var runBytes = known.BlockBytes;
        for (var i = known.Fields; i < headers.Count; i++)
        {
            var field = headers.NameAndValue(i, out var nameLength);
            var longest = checked(room + field.Length);
            if (writer.Room < longest)
            {
                output.Advance(writer.Written);
                blockBytes += writer.Written;
                writer = new HpackWriter(output.GetSpan(longest));
            }

            if (WriteField(ref writer, i, field, nameLength) && runFields == i)
            {
                runFields++;
                runBytes = blockBytes + writer.Written;
            }
        }

        output.Advance(writer.Written);
        IndexRun = new HpackIndexRun(runFields, runBytes, ListBytes: 0);
    }

    private void WriteSizeUpdates(IBufferWriter<byte> output)
    {
        var writer = new HpackWriter(output.GetSpan(2 * HpackWriter.MaxIntegerBytes));

        // A table that shrank and grew again has lost entries: the peer must see both (RFC 7541 §4.2).
        if (_smallestTableBytes < _table.MaxBytes)
        {
            writer.WriteInteger(0x20, 5, _smallestTableBytes);
        }

        writer.WriteInteger(0x20, 5, _table.MaxBytes);
        output.Advance(writer.Written);
        _sizeUpdates++;
        _smallestTableBytes = int.MaxValue;
    }

    /// <summary>Whether an index was all it took.</summary>
    private bool WriteField(ref HpackWriter writer, int position, ReadOnlySpan<byte> field, int nameLength)
    {
        ref var guess = ref _guesses[((position * 5) + (nameLength * 2) + field.Length) & (Guesses - 1)];
        if (!_table.Holds(guess, field, nameLength))
        {
            var name = field[..nameLength];
            var value = field[nameLength..];
            var nameHash = HpackHash.Of(name);
            var indexing = HpackKnownNames.Find(name, nameHash, value, out var staticIndex);
            if (indexing == HpackIndexing.Secret)
            {
                WriteLiteral(ref writer, 0x10, 4, staticIndex, name, value);
                return false;
            }

            var fieldHash = HpackHash.Of(value, nameHash);
            if (!TryFind(name, value, staticIndex, fieldHash, ref guess))
            {
                guess = WriteNewField(ref writer, name, value, nameHash, fieldHash, indexing, staticIndex);
                return false;
            }
        }

        writer.WriteInteger(0x80, 7, _table.IndexOf(guess));
        return true;
    }

    private bool TryFind(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, int staticIndex, uint fieldHash, ref HpackPlace place)
    {
        var index = staticIndex == 0 ? 0 : HpackStaticTable.FindValue(staticIndex, value);
        place = index != 0 ? HpackPlace.Static(index) : _table.FindField(name, value, fieldHash);
        return place.Exists;
    }

    private HpackPlace WriteNewField(
        ref HpackWriter writer,
        ReadOnlySpan<byte> name,
        ReadOnlySpan<byte> value,
        uint nameHash,
        uint fieldHash,
        HpackIndexing indexing,
        int staticIndex)
    {
        var namePlace = _table.FindName(name, nameHash, countUpTo: MaxValuesOnFirstSight, out var valuesOfName);
        if (staticIndex != 0)
        {
            namePlace = HpackPlace.Static(staticIndex);
        }

        var nameIndex = namePlace.Exists ? _table.IndexOf(namePlace) : 0;
        var worthAnEntry = indexing == HpackIndexing.Varies
            ? nameIndex == 0 // once, so that the next value finds the name
            : valuesOfName < MaxValuesOnFirstSight || CameLately(fieldHash);
        if (!worthAnEntry || name.Length + value.Length + HpackDynamicTable.EntryOverheadBytes > _table.MaxBytes / LargestPartOfTable)
        {
            WriteLiteral(ref writer, 0x00, 4, nameIndex, name, value);
            return default;
        }

        WriteLiteral(ref writer, 0x40, 6, nameIndex, name, value);
        return _table.Insert(name, value, nameHash, fieldHash);
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
