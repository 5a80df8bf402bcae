namespace FastSidecar.Transport.Http1;

/// <summary>OWS: the blanks and tabs around values and list members (RFC 9110 §5.6.3).</summary>
internal static class OptionalWhitespace
{
    public static bool Contains(byte b) => b is (byte)' ' or (byte)'\t';

    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text)
    {
        var start = 0;
        while (start < text.Length && Contains(text[start]))
        {
            start++;
        }

        var end = text.Length;
        while (end > start && Contains(text[end - 1]))
        {
            end--;
        }

        return text[start..end];
    }
}
