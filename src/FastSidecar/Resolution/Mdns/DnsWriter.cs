using System.Buffers.Binary;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// Writes one DNS message into a buffer of the caller, compressing names or not. For the few packets a sidecar sends, which are written once and kept:
/// too small a buffer is a caller's mistake and throws.
/// </summary>
internal ref struct DnsWriter
{
    private const int MaxOffsets = 64;
    private readonly Span<byte> _buffer;
    private readonly Span<ushort> _offsets;
    private readonly bool _compress;
    private int _offsetCount;

    /// <param name="buffer">Takes the message.</param>
    /// <param name="id">The message id.</param>
    /// <param name="flags">The flags word.</param>
    /// <param name="compress">Whether owners and PTR targets may point at names written before.</param>
    public DnsWriter(Span<byte> buffer, ushort id, ushort flags, bool compress)
    {
        _buffer = buffer;
        _compress = compress;
        _offsets = new ushort[MaxOffsets];
        buffer[..DnsMessage.HeaderBytes].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(buffer, id);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[2..], flags);
        Length = DnsMessage.HeaderBytes;
    }

    public int Length { get; private set; }

    public void WriteQuestion(scoped ReadOnlySpan<byte> name, DnsType type, ushort @class)
    {
        Count(DnsSection.Question);
        WriteName(name, _compress);
        WriteUInt16((ushort)type);
        WriteUInt16(@class);
    }

    public void WritePtr(DnsSection section, scoped ReadOnlySpan<byte> owner, ushort @class, uint ttl, scoped ReadOnlySpan<byte> target)
    {
        var data = BeginRecord(section, owner, DnsType.Ptr, @class, ttl);
        WriteName(target, _compress);
        EndRecord(data);
    }

    public void WriteSrv(DnsSection section, scoped ReadOnlySpan<byte> owner, ushort @class, uint ttl, ushort port, scoped ReadOnlySpan<byte> target)
    {
        var data = BeginRecord(section, owner, DnsType.Srv, @class, ttl);
        WriteUInt16(0);
        WriteUInt16(0);
        WriteUInt16(port);

        // RFC 2782: the target is never compressed. Later names may point into it.
        WriteName(target, compress: false);
        EndRecord(data);
    }

    /// <summary>A TXT record of one string, at most 255 bytes.</summary>
    public void WriteTxt(DnsSection section, scoped ReadOnlySpan<byte> owner, ushort @class, uint ttl, scoped ReadOnlySpan<byte> text)
    {
        var data = BeginRecord(section, owner, DnsType.Txt, @class, ttl);
        WriteBytes([checked((byte)text.Length)]);
        WriteBytes(text);
        EndRecord(data);
    }

    /// <summary>An A or AAAA record, by the length of <paramref name="address"/>.</summary>
    public void WriteAddress(DnsSection section, scoped ReadOnlySpan<byte> owner, ushort @class, uint ttl, scoped ReadOnlySpan<byte> address)
    {
        var data = BeginRecord(section, owner, address.Length == 4 ? DnsType.A : DnsType.Aaaa, @class, ttl);
        WriteBytes(address);
        EndRecord(data);
    }

    private int BeginRecord(DnsSection section, scoped ReadOnlySpan<byte> owner, DnsType type, ushort @class, uint ttl)
    {
        Count(section);
        WriteName(owner, _compress);
        WriteUInt16((ushort)type);
        WriteUInt16(@class);
        BinaryPrimitives.WriteUInt32BigEndian(_buffer[Length..], ttl);
        Length += 4;
        WriteUInt16(0);
        return Length;
    }

    private readonly void EndRecord(int data) => BinaryPrimitives.WriteUInt16BigEndian(_buffer[(data - 2)..], checked((ushort)(Length - data)));

    /// <summary>Writes label by label until the rest of the name is known from before. Remembers where each new rest begins.</summary>
    private void WriteName(scoped ReadOnlySpan<byte> name, bool compress)
    {
        while (name[0] != 0)
        {
            if (compress && Find(name) is var known and > 0)
            {
                WriteUInt16((ushort)(0xc000 | known));
                return;
            }

            // A pointer has 14 bits.
            if (_offsetCount < MaxOffsets && Length < 0x4000)
            {
                _offsets[_offsetCount++] = (ushort)Length;
            }

            WriteBytes(name[..(1 + name[0])]);
            name = name[(1 + name[0])..];
        }

        WriteBytes([0]);
    }

    private readonly int Find(scoped ReadOnlySpan<byte> name)
    {
        Span<byte> written = stackalloc byte[DnsName.MaxBytes];
        foreach (var offset in _offsets[.._offsetCount])
        {
            if (DnsMessage.TryReadName(_buffer[..Length], offset, written, out var length, out _) && written[..length].SequenceEqual(name))
            {
                return offset;
            }
        }

        return 0;
    }

    private readonly void Count(DnsSection section)
    {
        var count = _buffer[(4 + (2 * (int)section))..];
        BinaryPrimitives.WriteUInt16BigEndian(count, (ushort)(BinaryPrimitives.ReadUInt16BigEndian(count) + 1));
    }

    private void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[Length..], value);
        Length += 2;
    }

    private void WriteBytes(scoped ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_buffer[Length..]);
        Length += bytes.Length;
    }
}
