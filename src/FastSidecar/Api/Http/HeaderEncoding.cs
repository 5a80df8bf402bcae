using System.Text;

namespace FastSidecar.Api.Http;

/// <summary>
/// Latin-1 as Kestrel asks for it when it writes a response head: every character of the strings it gets is one byte (<see cref="HeaderText"/>),
/// so their length needs no look at them.
/// </summary>
internal sealed class HeaderEncoding : Encoding
{
    public override int GetByteCount(string s) => s.Length;

    public override int GetByteCount(ReadOnlySpan<char> chars) => chars.Length;

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(ReadOnlySpan<char> chars, Span<byte> bytes) => Latin1.GetBytes(chars, bytes);

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetCharCount(byte[] bytes, int index, int count) => count;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        Latin1.GetChars(bytes, byteIndex, byteCount, chars, charIndex);

    public override int GetMaxByteCount(int charCount) => charCount;

    public override int GetMaxCharCount(int byteCount) => byteCount;

    public override Encoder GetEncoder() => Latin1.GetEncoder();
}
