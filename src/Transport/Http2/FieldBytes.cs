using System.Runtime.Intrinsics;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Which bytes names and values may hold. Names are short, so each byte is looked up; values are looked at sixteen bytes at a time.
/// </summary>
internal static class FieldBytes
{
    private static readonly Kinds[] Table = BuildTable();

    [Flags]
    private enum Kinds : byte
    {
        None = 0,
        Name = 1,
        Value = 2,
        Sendable = 4,
    }

    /// <summary>A token (RFC 9110 §5.6.2) without capitals.</summary>
    public static bool IsName(ReadOnlySpan<byte> name) => !name.IsEmpty && AreAll(name, Kinds.Name);

    /// <summary>
    /// No control characters but the tab (RFC 9110 §5.5). RFC 9113 §8.2.1 names only NUL, CR and LF; Go's peers refuse all of them, as our
    /// HTTP/1.1 does.
    /// </summary>
    public static bool IsValue(ReadOnlySpan<byte> value)
    {
        if (!Vector128.IsHardwareAccelerated || value.Length < Vector128<byte>.Count)
        {
            return AreAll(value, Kinds.Value);
        }

        var forbidden = ForbiddenIn(Vector128.Create(value[^Vector128<byte>.Count..]));
        for (; value.Length > Vector128<byte>.Count; value = value[Vector128<byte>.Count..])
        {
            forbidden |= ForbiddenIn(Vector128.Create(value));
        }

        return forbidden == Vector128<byte>.Zero;
    }

    /// <summary>Nothing that would split a message: no NUL, CR or LF.</summary>
    public static bool IsSendableValue(ReadOnlySpan<byte> value)
    {
        if (!Vector128.IsHardwareAccelerated || value.Length < Vector128<byte>.Count)
        {
            return AreAll(value, Kinds.Sendable);
        }

        var unsendable = UnsendableIn(Vector128.Create(value[^Vector128<byte>.Count..]));
        for (; value.Length > Vector128<byte>.Count; value = value[Vector128<byte>.Count..])
        {
            unsendable |= UnsendableIn(Vector128.Create(value));
        }

        return unsendable == Vector128<byte>.Zero;
    }

    private static bool AreAll(ReadOnlySpan<byte> bytes, Kinds kind)
    {
        var table = Table;
        foreach (var b in bytes)
        {
            if ((table[b] & kind) == 0)
            {
                return false;
            }
        }

        return true;
    }

    private static Vector128<byte> ForbiddenIn(Vector128<byte> bytes) =>
        Vector128.AndNot(Vector128.LessThan(bytes, Vector128.Create((byte)' ')), Vector128.Equals(bytes, Vector128.Create((byte)'\t'))) |
        Vector128.Equals(bytes, Vector128.Create((byte)0x7f));

    private static Vector128<byte> UnsendableIn(Vector128<byte> bytes) =>
        Vector128.Equals(bytes, Vector128<byte>.Zero) | Vector128.Equals(bytes, Vector128.Create((byte)'\r')) |
        Vector128.Equals(bytes, Vector128.Create((byte)'\n'));

    private static Kinds[] BuildTable()
    {
        var table = new Kinds[256];
        for (var b = 0; b < table.Length; b++)
        {
            var kinds = b is 0 or '\r' or '\n' ? Kinds.None : Kinds.Sendable;
            kinds |= b is (< ' ' and not '\t') or 0x7f ? Kinds.None : Kinds.Value;
            table[b] = kinds;
        }

        foreach (var b in "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8)
        {
            table[b] |= Kinds.Name;
        }

        return table;
    }
}
