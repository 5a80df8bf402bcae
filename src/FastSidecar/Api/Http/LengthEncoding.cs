using System.Text;

namespace FastSidecar.Api.Http;

/// <summary>
/// How Kestrel reads Content-Length: digits and nothing else (RFC 9110 §8.6). By itself it takes "+5" for 5, and where header values have an encoding of their own it
/// ends the connection without an answer over a length of more than 20 characters.
/// </summary>
internal sealed class LengthEncoding : ASCIIEncoding
{
    private const int MostDigits = 19;

    /// <summary>Anything but a length becomes what no parser takes for one; Kestrel answers 400.</summary>
    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        if (bytes.Length > MostDigits || bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            chars[0] = '?';
            return 1;
        }

        return base.GetChars(bytes, chars);
    }
}
