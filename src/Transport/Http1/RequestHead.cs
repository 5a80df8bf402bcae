using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http1;

/// <summary>Writes a request line and header fields (RFC 9112 §3), refusing what would let one field end early and another begin.</summary>
internal static class RequestHead
{
    /// <summary>The longest line that says how the body is framed; also what <see cref="EndsName"/> may look at behind a name.</summary>
    private const int MaxFramingBytes = 48;

    private static readonly SearchValues<byte> LineBreakers = SearchValues.Create(0, 10, 13);

    private static ReadOnlySpan<byte> Version => " HTTP/1.1\r\n"u8;

    /// <summary>Throws <see cref="ArgumentException"/> before anything has been written.</summary>
    /// <remarks>
    /// The head is laid out first and looked at as a whole: one pass over it, instead of one over each part, counts what could end a line.
    /// Only where there is too much of that are the parts checked one by one. Nothing is written before <c>Advance</c>.
    /// </remarks>
    public static void Write(
        IBufferWriter<byte> output, ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers, Http1BodyFraming framing, long contentLength)
    {
        var length = Length(method, target, headers);
        var head = output.GetSpan(length)[..length];
        var at = Put(head, 0, method);
        at = Put(head, at, " "u8);
        at = Put(head, at, target);
        at = Put(head, at, Version);
        var isSound = !method.IsEmpty && !method.Contains((byte)' ') && !target.IsEmpty && !target.Contains((byte)' ');
        for (var i = 0; i < headers.Count; i++)
        {
            var name = headers.Name(i);
            var start = at;
            at = PutField(head, at, name, headers.Value(i));
            isSound &= EndsName(head, start, name.Length) && !(name.Length is 14 or 17 && IsFraming(name));
        }

        if (!isSound || CountControls(head[..at]) != 2 * (headers.Count + 1))
        {
            Check(method, target, headers);
        }

        at = PutFraming(head, at, framing, contentLength);
        output.Advance(Put(head, at, "\r\n"u8));
    }

    private static int Length(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers)
    {
        var length = method.Length + 1 + target.Length + Version.Length + MaxFramingBytes + 2;
        for (var i = 0; i < headers.Count; i++)
        {
            length += headers.Name(i).Length + headers.Value(i).Length + 4;
        }

        return length;
    }

    private static int PutField(Span<byte> head, int at, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        at = Put(head, at, name);
        at = Put(head, at, ": "u8);
        at = Put(head, at, value);
        return Put(head, at, "\r\n"u8);
    }

    /// <summary>
    /// Copies without asking for the room, which <see cref="Length"/> counted for the whole head. A name or value is a few bytes, and these
    /// are moved in two registers that may overlap.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Put(Span<byte> head, int at, ReadOnlySpan<byte> bytes)
    {
        Debug.Assert(bytes.Length <= head.Length - at, "a head is longer than its parts");
        ref var to = ref Unsafe.Add(ref MemoryMarshal.GetReference(head), at);
        ref var from = ref MemoryMarshal.GetReference(bytes);
        switch (bytes.Length)
        {
            case 2:
                Unsafe.WriteUnaligned(ref to, Unsafe.ReadUnaligned<ushort>(ref from));
                break;
            case >= sizeof(ulong) and <= 2 * sizeof(ulong):
                var last = bytes.Length - sizeof(ulong);
                var lastWord = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref from, last));
                Unsafe.WriteUnaligned(ref to, Unsafe.ReadUnaligned<ulong>(ref from));
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref to, last), lastWord);
                break;
            default:
                bytes.CopyTo(MemoryMarshal.CreateSpan(ref to, bytes.Length));
                break;
        }

        return at + bytes.Length;
    }

    /// <summary>The first colon behind the start of the line ends the name, which is not empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool EndsName(ReadOnlySpan<byte> head, int start, int nameLength)
    {
        if (nameLength >= Vector128<byte>.Count)
        {
            return head[start..].IndexOf((byte)':') == nameLength;
        }

        Debug.Assert(head.Length - start >= Vector128<byte>.Count, "no room is left for the framing");
        var line = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(head), (nuint)start);
        var colons = Vector128.Equals(line, Vector128.Create((byte)':')).ExtractMostSignificantBits();
        return nameLength > 0 && BitOperations.TrailingZeroCount(colons) == nameLength;
    }

    /// <summary>How many bytes are CR or smaller: NUL and LF, and the tab and its like, which are no fault but rare.</summary>
    private static int CountControls(ReadOnlySpan<byte> head)
    {
        var greatest = Vector128.Create((byte)'\r');
        var count = 0;
        var at = 0;
        for (; at <= head.Length - Vector128<byte>.Count; at += Vector128<byte>.Count)
        {
            var bytes = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(head), (nuint)at);
            count += BitOperations.PopCount(Vector128.Equals(Vector128.Min(bytes, greatest), bytes).ExtractMostSignificantBits());
        }

        for (; at < head.Length; at++)
        {
            count += head[at] <= (byte)'\r' ? 1 : 0;
        }

        return count;
    }

    /// <summary>Names the first part that may not be sent.</summary>
    private static void Check(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList headers)
    {
        CheckToken(method, nameof(method));
        CheckToken(target, nameof(target));
        for (var i = 0; i < headers.Count; i++)
        {
            CheckField(headers.Name(i), headers.Value(i));
        }
    }

    private static void CheckField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.IsEmpty || name.ContainsAny(LineBreakers) || name.Contains((byte)':'))
        {
            throw new ArgumentException($"a header name may not be {GoText.Quote(name)}", "headers");
        }

        if (value.ContainsAny(LineBreakers))
        {
            throw new ArgumentException($"the value of header {GoText.Quote(name)} holds a line break or NUL", "headers");
        }

        if (IsFraming(name))
        {
            throw new ArgumentException($"header {GoText.Quote(name)} follows from the framing", "headers");
        }
    }

    private static int PutFraming(Span<byte> head, int at, Http1BodyFraming framing, long contentLength)
    {
        switch (framing)
        {
            case Http1BodyFraming.Chunked:
                return Put(head, at, "Transfer-Encoding: chunked\r\n"u8);
            case Http1BodyFraming.Length:
                at = Put(head, at, "Content-Length: "u8);
                Utf8Formatter.TryFormat(contentLength, head[at..], out var digits);
                return Put(head, at + digits, "\r\n"u8);
            default:
                return at;
        }
    }

    private static bool IsFraming(ReadOnlySpan<byte> name) =>
        (name.Length == 14 && System.Text.Ascii.EqualsIgnoreCase(name, "Content-Length"u8)) ||
        (name.Length == 17 && System.Text.Ascii.EqualsIgnoreCase(name, "Transfer-Encoding"u8));

    private static void CheckToken(ReadOnlySpan<byte> token, string what)
    {
        if (token.IsEmpty || token.ContainsAny(LineBreakers) || token.Contains((byte)' '))
        {
            throw new ArgumentException($"the request's {what} may not be {GoText.Quote(token)}", what);
        }
    }
}
