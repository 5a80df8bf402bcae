using System.Buffers;
using FastSidecar.Protocol;

namespace FastSidecar.Invocation;

/// <summary>
/// The one normal form of a method: decisions are taken on it and it is what is sent. Computed at the caller, and again at the callee
/// before the access decision, because a peer may send anything (Dapr <c>pkg/messaging/method/normalize.go</c>).
/// </summary>
internal static class MethodPath
{
    private static readonly SearchValues<byte> Forbidden = SearchValues.Create("#?\0"u8);

    /// <summary>What is forbidden, and control characters.</summary>
    private static readonly SearchValues<byte> Faulty = SearchValues.Create(
        [
            .. "#?\u007f"u8,
            .. "\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\u0008\u0009\u000a\u000b\u000c\u000d\u000e\u000f"u8,
            .. "\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f"u8,
        ]);

    /// <summary>Whether a method is in its normal form already.</summary>
    public static bool IsNormal(ReadOnlySpan<byte> method) => Validate(method) is null && GoPath.IsClean(method) && !method.StartsWith("."u8);

    /// <summary>
    /// Writes the normal form: no forbidden or control characters, no dot elements, doubles or trailing slash. A leading slash stays.
    /// Returns null, or the error text (Dapr's InvalidArgument with it); then nothing has been written.
    /// </summary>
    public static string? Normalize(ReadOnlySpan<byte> method, IBufferWriter<byte> output)
    {
        if (Validate(method) is { } error)
        {
            return error;
        }

        if (GoPath.IsClean(method) && !method.StartsWith("."u8))
        {
            output.Write(method);
            return null;
        }

        var span = output.GetSpan(method.Length + 1);
        var cleaned = span[..GoPath.Clean(method, span)];
        var start = 0;
        while (cleaned[start..].StartsWith("../"u8))
        {
            start += 3;
        }

        var normal = cleaned[start..];
        if (!normal.SequenceEqual(".."u8) && !normal.SequenceEqual("."u8))
        {
            var length = normal.Length;
            normal.CopyTo(span);
            output.Advance(length);
        }

        return null;
    }

    /// <summary>One look for all that is forbidden; which fault is named is decided where there is one.</summary>
    private static string? Validate(ReadOnlySpan<byte> method) => method.ContainsAny(Faulty) ? Fault(method) : null;

    private static string? Fault(ReadOnlySpan<byte> method)
    {
        if (method.ContainsAny(Forbidden))
        {
            return $"invalid method: method contains forbidden character: {GoText.Quote(method)}";
        }

        for (var i = 0; i < method.Length; i++)
        {
            if (method[i] is < 0x20 or 0x7f)
            {
                return $"invalid method: method contains control character at position {i}: {GoText.Quote(method)}";
            }
        }

        return null;
    }
}
