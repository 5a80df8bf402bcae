using System.Text;

namespace FastSidecar.Configuration;

/// <summary>
/// Go's os.Expand: <c>$NAME</c> and <c>${NAME}</c> are replaced, an unset name by nothing; <c>$</c> with a shell's special character is
/// eaten; a <c>$</c> before anything else stays. There is no escape.
/// </summary>
internal static class EnvironmentExpansion
{
    public static string Expand(string text, Func<string, string?> lookUp)
    {
        var expanded = new StringBuilder(text.Length);
        var position = 0;
        while (position < text.Length)
        {
            if (text[position] != '$' || position + 1 == text.Length)
            {
                expanded.Append(text[position++]);
                continue;
            }

            var name = ReadName(text.AsSpan(position + 1), out var length);
            expanded.Append(length == 0 ? "$" : name.IsEmpty ? "" : lookUp(name.ToString()));
            position += 1 + length;
        }

        return expanded.ToString();
    }

    /// <summary>
    /// The name behind a <c>$</c> and how many characters it takes; an empty name with a length is bad syntax, to be dropped.
    /// </summary>
    private static ReadOnlySpan<char> ReadName(ReadOnlySpan<char> rest, out int length)
    {
        if (rest[0] == '{')
        {
            var end = rest.IndexOf('}');
            length = end < 0 ? 1 : end + 1;
            return end < 0 ? default : rest[1..end];
        }

        if (rest[0] is '*' or '#' or '$' or '@' or '!' or '?' or '-' or (>= '0' and <= '9'))
        {
            length = 1;
            return rest[..1];
        }

        length = 0;
        while (length < rest.Length && (rest[length] == '_' || char.IsAsciiLetterOrDigit(rest[length])))
        {
            length++;
        }

        return rest[..length];
    }
}
