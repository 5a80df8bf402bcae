namespace FastSidecar.Invocation;

/// <summary>The vendors' part of a trace context (W3C trace context §3.3.1; OpenTelemetry Go <c>trace/tracestate.go</c>).</summary>
internal static class TraceState
{
    /// <summary>W3C trace context §3.3.1.1.</summary>
    private const int MaxMembers = 32;

    /// <summary>
    /// Reads a tracestate and writes its members without the white space around them, so <paramref name="output"/> has to be as long as
    /// <paramref name="text"/> at most. False when a member is not valid or comes twice.
    /// </summary>
    public static bool TryWrite(ReadOnlySpan<byte> text, Span<byte> output, out int length)
    {
        length = 0;
        var members = 0;
        while (!text.IsEmpty)
        {
            var comma = text.IndexOf((byte)',');
            var member = comma < 0 ? text : text[..comma];
            text = comma < 0 ? default : text[(comma + 1)..];
            if (member.IsEmpty)
            {
                continue;
            }

            var equals = member.IndexOf((byte)'=');
            if (equals < 0)
            {
                return false;
            }

            var key = member[..equals].TrimStart(" \t"u8);
            var value = member[(equals + 1)..].TrimEnd(" \t"u8);
            if (!IsKey(key) || !IsValue(value) || HasKey(output[..length], key) || ++members > MaxMembers)
            {
                return false;
            }

            if (length > 0)
            {
                output[length++] = (byte)',';
            }

            key.CopyTo(output[length..]);
            length += key.Length;
            output[length++] = (byte)'=';
            value.CopyTo(output[length..]);
            length += value.Length;
        }

        return true;
    }

    private static bool HasKey(ReadOnlySpan<byte> written, ReadOnlySpan<byte> key)
    {
        foreach (var range in written.Split((byte)','))
        {
            var member = written[range];
            if (member.Length > key.Length && member[key.Length] == '=' && member.StartsWith(key))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsKey(ReadOnlySpan<byte> key)
    {
        var at = key.IndexOf((byte)'@');
        if (at < 0)
        {
            return IsKeyPart(key, 256, mayBeginWithDigit: false);
        }

        return IsKeyPart(key[..at], 241, mayBeginWithDigit: true) && IsKeyPart(key[(at + 1)..], 14, mayBeginWithDigit: false);
    }

    private static bool IsKeyPart(ReadOnlySpan<byte> part, int maxLength, bool mayBeginWithDigit)
    {
        if (part.IsEmpty || part.Length > maxLength)
        {
            return false;
        }

        var first = (char)part[0];
        return (char.IsAsciiLetterLower(first) || (mayBeginWithDigit && char.IsAsciiDigit(first))) &&
            part.IndexOfAnyExcept("abcdefghijklmnopqrstuvwxyz0123456789_-*/"u8) < 0;
    }

    private static bool IsValue(ReadOnlySpan<byte> value) =>
        value.Length is > 0 and <= 256 && value[^1] != ' ' &&
        value.IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0 && !value.Contains((byte)'=');
}
