namespace FastSidecar.Invocation;

/// <summary>A short text kept as bytes in memory of its own, which is reused from request to request.</summary>
internal struct ByteText
{
    private const int InitialBytes = 128;

    /// <summary>A text above this gives its memory up when it is cleared: hardly any is as long, and many requests are pooled.</summary>
    private const int KeptBytes = 16 * 1024;

    private byte[]? _bytes;
    private int _length;

    public readonly ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    public readonly ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, _length);

    public void Set(ReadOnlySpan<byte> text)
    {
        if (_bytes is null || _bytes.Length < text.Length)
        {
            _bytes = new byte[Math.Max(InitialBytes, text.Length)];
        }

        text.CopyTo(_bytes);
        _length = text.Length;
    }

    public void Clear()
    {
        _length = 0;
        if (_bytes is { Length: > KeptBytes })
        {
            _bytes = null;
        }
    }
}
