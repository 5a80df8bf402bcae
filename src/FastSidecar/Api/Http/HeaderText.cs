using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;
using Microsoft.Net.Http.Headers;

namespace FastSidecar.Api.Http;

/// <summary>
/// Strings for header bytes, remembered: Kestrel's response headers are strings, and a sidecar sees the same few names and values again and
/// again. One table per thread, of pairs of slots; the next text that falls on a pair pushes one of the two out.
/// </summary>
internal static class HeaderText
{
    /// <summary>Slots of a table; at most 64 KiB of strings of <see cref="LongestKept"/>.</summary>
    private const int Slots = 1 << SlotBits;

    private const int SlotBits = 9;

    /// <summary>Longer texts are rarely repeated and not worth keeping.</summary>
    private const int LongestKept = 64;

    /// <summary>Odd, its bits without pattern (the golden ratio's).</summary>
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    [ThreadStatic]
    private static string?[]? _table;

    /// <summary>
    /// As <see cref="Of"/>, for a field's name. Those that nearly every answer has are Kestrel's own strings, which it knows without
    /// comparing them.
    /// </summary>
    public static string OfName(ReadOnlySpan<byte> name) => name.Length switch
    {
        4 when name.SequenceEqual("Date"u8) => HeaderNames.Date,
        6 when name.SequenceEqual("Server"u8) => HeaderNames.Server,
        11 when name.SequenceEqual("Traceparent"u8) => "Traceparent",
        12 when name.SequenceEqual("Content-Type"u8) => HeaderNames.ContentType,
        _ => Of(name),
    };

    /// <summary>The bytes as Latin-1, which keeps every byte as one character.</summary>
    public static string Of(ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty)
        {
            return "";
        }

        if (bytes.Length > LongestKept)
        {
            return Encoding.Latin1.GetString(bytes);
        }

        var table = _table ??= new string?[Slots];
        var slot = Slot(bytes);
        if (table[slot] is { } first && Matches(first, bytes))
        {
            return first;
        }

        if (table[slot ^ 1] is { } second && Matches(second, bytes))
        {
            return second;
        }

        table[slot ^ 1] = table[slot];
        return table[slot] = Encoding.Latin1.GetString(bytes);
    }

    /// <summary>
    /// Of the length and of the first, the middle and the last eight bytes: texts that differ elsewhere only share a slot, and no text is
    /// taken for another.
    /// </summary>
    private static int Slot(ReadOnlySpan<byte> bytes)
    {
        var mixed = (ulong)bytes.Length;
        if (bytes.Length >= sizeof(ulong))
        {
            mixed += BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            mixed = (mixed * Multiplier) ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes[((bytes.Length - sizeof(ulong)) / 2)..]);
            mixed = (mixed * Multiplier) ^ BinaryPrimitives.ReadUInt64LittleEndian(bytes[^sizeof(ulong)..]);
        }
        else
        {
            foreach (var b in bytes)
            {
                mixed = (mixed << 8) | b;
            }
        }

        // The product's upper bits depend on all of its factor's.
        mixed ^= mixed >> 32;
        return (int)((mixed * Multiplier) >> (64 - SlotBits));
    }

    private static bool Matches(string text, ReadOnlySpan<byte> bytes)
    {
        if (text.Length != bytes.Length)
        {
            return false;
        }

        if (bytes.Length < sizeof(ulong))
        {
            for (var i = 0; i < bytes.Length; i++)
            {
                if (text[i] != bytes[i])
                {
                    return false;
                }
            }

            return true;
        }

        // Eight at a time; the last ones may overlap those before them.
        var last = bytes.Length - sizeof(ulong);
        for (var i = 0; i < last; i += sizeof(ulong))
        {
            if (!MatchesEight(text, bytes, i))
            {
                return false;
            }
        }

        return MatchesEight(text, bytes, last);
    }

    /// <summary>Both have eight from there on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool MatchesEight(string text, ReadOnlySpan<byte> bytes, int start)
    {
        Debug.Assert(start + sizeof(ulong) <= bytes.Length && bytes.Length == text.Length, "eight lie within both texts");
        var eight = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref MemoryMarshal.GetReference(bytes), start));
        ref var characters = ref Unsafe.As<char, ushort>(ref MemoryMarshal.GetReference(text.AsSpan()));
        return Vector128.WidenLower(Vector128.CreateScalarUnsafe(eight).AsByte()) == Vector128.LoadUnsafe(ref characters, (nuint)start);
    }
}
