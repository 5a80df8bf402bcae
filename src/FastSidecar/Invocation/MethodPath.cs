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

    private static string? Validate(ReadOnlySpan<byte> method)
    {
        // One pass over what is short in nearly every case; which fault is named is decided where there is one.
        var faulty = false;
        foreach (var b in method)
        {
            faulty |= b is < 0x20 or 0x7f or (byte)'#' or (byte)'?';
        }

        return faulty ? Fault(method) : null;
    }

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
