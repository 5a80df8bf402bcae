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

    /// <summary>
    /// The method as an app reads it that decodes its request target, cleaned: a percent escape which survived the caller's decoding is
    /// decoded by the app (<c>public/%2e%2e/admin</c> is <c>admin</c> there). An access decision has to hold for this form too. False when
    /// the method has no escape, or none that an app would decode: then the normal form is all there is.
    /// </summary>
    public static bool TryDecodeAsApp(ReadOnlySpan<byte> normal, IBufferWriter<byte> output)
    {
        if (!normal.Contains((byte)'%'))
        {
            return false;
        }

        var decoded = new byte[normal.Length];
        if (!GoEscape.TryUnescape(normal, UrlPart.Path, decoded, out var length, out _))
        {
            // Go refuses to build such a URL: the app is never called with it.
            return false;
        }

        var cleaned = new byte[length + 1];
        var path = cleaned.AsSpan(0, GoPath.Clean(decoded.AsSpan(0, length), cleaned));
        while (path.StartsWith("../"u8))
        {
            path = path[3..];
        }

        if (!path.SequenceEqual("."u8) && !path.SequenceEqual(".."u8))
        {
            output.Write(path);
        }

        return true;
    }

    private static string? Validate(ReadOnlySpan<byte> method)
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
