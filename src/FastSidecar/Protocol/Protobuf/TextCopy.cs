using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace FastSidecar.Protocol.Protobuf;

/// <summary>
/// Copies texts of header size, a few dozen bytes, in line and looks at them on the way: a call to copy and another one to check cost more
/// than that many bytes.
/// </summary>
internal static class TextCopy
{
    private const ulong HighBits = 0x8080_8080_8080_8080;

    /// <summary>Whether texts whose copying gave these bits, joined by OR, hold nothing but ASCII.</summary>
    public static bool IsAscii(ulong bits) => (bits & HighBits) == 0;

    /// <summary>
    /// Fills <paramref name="target"/>, which has the length of <paramref name="text"/>, and returns all its bytes joined by OR.
    /// </summary>
    public static ulong Copy(scoped ReadOnlySpan<byte> text, scoped Span<byte> target)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(target.Length, text.Length);
        return Copy(ref MemoryMarshal.GetReference(text), ref MemoryMarshal.GetReference(target), (nuint)text.Length);
    }

    /// <summary>As the other overload; the caller has seen that there is room.</summary>
    public static ulong Copy(ref byte from, ref byte to, nuint length)
    {
        if (length >= (nuint)Vector128<byte>.Count)
        {
            return CopyVectors(ref from, ref to, length);
        }

        // Two words that overlap where the length is none of theirs.
        if (length >= sizeof(ulong))
        {
            var last = length - sizeof(ulong);
            var head = Unsafe.ReadUnaligned<ulong>(ref from);
            var tail = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, last));
            Unsafe.WriteUnaligned(ref to, head);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, last), tail);
            return head | tail;
        }

        if (length >= sizeof(uint))
        {
            var last = length - sizeof(uint);
            var head = Unsafe.ReadUnaligned<uint>(ref from);
            var tail = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref from, last));
            Unsafe.WriteUnaligned(ref to, head);
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, last), tail);
            return head | tail;
        }

        uint bits = 0;
        for (nuint i = 0; i < length; i++)
        {
            var current = Unsafe.Add(ref from, i);
            Unsafe.Add(ref to, i) = current;
            bits |= current;
        }

        return bits;
    }

    /// <summary>The last vector overlaps the one before it where the length is no multiple of 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong CopyVectors(ref byte from, ref byte to, nuint length)
    {
        var last = length - (nuint)Vector128<byte>.Count;
        var tail = Vector128.LoadUnsafe(ref from, last);
        var bits = tail;
        for (nuint at = 0; at < last; at += (nuint)Vector128<byte>.Count)
        {
            var part = Vector128.LoadUnsafe(ref from, at);
            part.StoreUnsafe(ref to, at);
            bits |= part;
        }

        tail.StoreUnsafe(ref to, last);
        var words = bits.AsUInt64();
        return words.GetElement(0) | words.GetElement(1);
    }
}
