namespace FastSidecar.Transport.Hpack;

/// <summary>Reads the primitive types of RFC 7541 §5 out of one complete header block.</summary>
internal ref struct HpackReader
{
    /// <summary>Five octets after the prefix reach past 2^31; RFC 7541 §5.1 asks for a limit on value and on length.</summary>
    private const int MaxContinuationOctets = 5;

    private readonly ReadOnlySpan<byte> _block;
    private int _position;

    public HpackReader(ReadOnlySpan<byte> block)
    {
        _block = block;
        _position = 0;
    }

    public readonly int Position => _position;

    public readonly bool AtEnd => _position == _block.Length;

    public readonly byte Peek() => _block[_position];

    /// <summary>An integer with an N-bit prefix (§5.1).</summary>
    public int ReadInteger(int prefixBits)
    {
        if (AtEnd)
        {
            throw Truncated();
        }

        var prefixMax = (1 << prefixBits) - 1;
        var prefix = _block[_position++] & prefixMax;
        return prefix < prefixMax ? prefix : ReadContinuation(prefixMax);
    }

    private int ReadContinuation(long value)
    {
        for (var i = 0; i < MaxContinuationOctets; i++)
        {
            if (AtEnd)
            {
                throw Truncated();
            }

            var octet = _block[_position++];
            value += (long)(octet & 0x7f) << (7 * i);
            if ((octet & 0x80) == 0)
            {
                return value <= int.MaxValue ? (int)value : throw new HpackException($"integer {value} is larger than {int.MaxValue}");
            }
        }

        throw new HpackException($"an integer has more than {MaxContinuationOctets} octets after its prefix");
    }

    /// <summary>A string literal (§5.2), still coded when <paramref name="huffman"/>.</summary>
    public ReadOnlySpan<byte> ReadString(out bool huffman)
    {
        if (AtEnd)
        {
            throw Truncated();
        }

        huffman = (Peek() & 0x80) != 0;
        var length = ReadInteger(prefixBits: 7);
        if (length > _block.Length - _position)
        {
            throw new HpackException($"a string of {length} bytes passes the end of the header block, which has {_block.Length - _position} left");
        }

        var text = _block.Slice(_position, length);
        _position += length;
        return text;
    }

    private static HpackException Truncated() => new("the header block ends inside a field");
}
