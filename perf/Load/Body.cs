using System.Buffers.Binary;
using System.Numerics;

namespace FastSidecar.Load;

/// <summary>Known bytes of any length, printable so that they fit into a configuration file, and the hash they are recognised by.</summary>
internal static class Body
{
    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// <summary>The same bytes for the same length, in every run and in every program that uses this class.</summary>
    public static byte[] Make(int length)
    {
        var body = new byte[length];
        var state = 2463534242u;
        for (var i = 0; i < length; i++)
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            body[i] = (byte)Alphabet[(int)(state >> 26)];
        }

        return body;
    }

    public static uint Hash(ReadOnlySpan<byte> bytes) => Hash(0, bytes);

    /// <summary>CRC-32C, which the processor computes; where the bytes are cut makes no difference.</summary>
    public static uint Hash(uint before, ReadOnlySpan<byte> bytes)
    {
        var crc = ~before;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var b in bytes)
        {
            crc = BitOperations.Crc32C(crc, b);
        }

        return ~crc;
    }
}
