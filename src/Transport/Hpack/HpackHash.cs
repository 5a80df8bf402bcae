using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace FastSidecar.Transport.Hpack;

/// <summary>
/// Hash of a name or value for the encoder's tables. Unkeyed on purpose: a peer that forces collisions lengthens a chain, and a chain is
/// never longer than the dynamic table has entries (128 at 4,096 bytes).
/// </summary>
internal static class HpackHash
{
    private const ulong Multiplier = 0x9E3779B97F4A7C15;

    public static uint Of(ReadOnlySpan<byte> bytes, uint seed = 0)
    {
        var hash = ((ulong)bytes.Length + seed) * Multiplier;
        while (bytes.Length >= sizeof(ulong))
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        if (bytes.Length >= sizeof(uint))
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt32LittleEndian(bytes));
            bytes = bytes[sizeof(uint)..];
        }

        ulong rest = 0;
        foreach (var b in bytes)
        {
            rest = (rest << 8) | b;
        }

        hash = Mix(hash, rest);
        return (uint)(hash >> 32) ^ (uint)hash;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Mix(ulong hash, ulong word)
    {
        hash = (BitOperations.RotateLeft(hash, 23) ^ word) * Multiplier;
        return hash ^ (hash >> 29);
    }
}
