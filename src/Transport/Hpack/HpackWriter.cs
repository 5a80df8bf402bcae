using System.Runtime.CompilerServices;

namespace FastSidecar.Transport.Hpack;

/// <summary>Writes the primitive types of RFC 7541 §5 into memory that the caller has found large enough.</summary>
internal ref struct HpackWriter
{
    /// <summary>An integer below 2^31 behind any prefix.</summary>
    public const int MaxIntegerBytes = 6;

    /// <summary>Anything shorter than this has a length of one byte.</summary>
    private const int MaxShortString = 127;

    private readonly Span<byte> _output;
    private int _position;

    public HpackWriter(Span<byte> output)
    {
        _output = output;
        _position = 0;
    }

    public readonly int Written => _position;

    public readonly int Room => _output.Length - _position;

    /// <summary>An integer with an N-bit prefix (§5.1); <paramref name="pattern"/> fills the bits above it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteInteger(byte pattern, int prefixBits, int value)
    {
        var prefixMax = (1 << prefixBits) - 1;
        if (value < prefixMax)
        {
            _output[_position++] = (byte)(pattern | value);
        }
        else
        {
            WriteLongInteger(pattern, prefixMax, value);
        }
    }

    private void WriteLongInteger(byte pattern, int prefixMax, int value)
    {
        _output[_position++] = (byte)(pattern | prefixMax);
        var rest = (uint)(value - prefixMax);
        while (rest >= 0x80)
        {
            _output[_position++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        _output[_position++] = (byte)rest;
    }

    /// <summary>A string literal (§5.2), Huffman-coded where that is shorter.</summary>
    public void WriteString(ReadOnlySpan<byte> text)
    {
        if (text.Length <= MaxShortString)
        {
            WriteShortString(text);
            return;
        }

        var codedLength = HuffmanEncoder.EncodedLength(text);
        if (codedLength < text.Length)
        {
            WriteInteger(0x80, 7, codedLength);
            _position += HuffmanEncoder.Encode(text, _output[_position..]);
        }
        else
        {
            WritePlain(text);
        }
    }

    /// <summary>The length takes one byte whatever it is, so the string is coded at once, and not measured before.</summary>
    private void WriteShortString(ReadOnlySpan<byte> text)
    {
        var codedLength = text.IsEmpty ? -1 : HuffmanEncoder.Encode(text, _output.Slice(_position + 1, text.Length - 1));
        if (codedLength < 0)
        {
            WritePlain(text);
            return;
        }

        _output[_position] = (byte)(0x80 | codedLength);
        _position += 1 + codedLength;
    }

    private void WritePlain(ReadOnlySpan<byte> text)
    {
        WriteInteger(0, 7, text.Length);
        text.CopyTo(_output[_position..]);
        _position += text.Length;
    }
}
