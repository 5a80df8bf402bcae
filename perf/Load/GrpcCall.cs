using System.Buffers.Binary;

namespace FastSidecar.Load;

/// <summary>A unary call in flight; used again for the next one.</summary>
internal sealed class GrpcCall
{
    private const int PrefixSize = 5;
    private const int NoStatus = -1;

    private readonly byte[] _prefix = new byte[PrefixSize];
    private int _prefixLength;
    private long _remaining;
    private long _length;
    private uint _hash;

    public int Stream { get; private set; }

    public Ticket Ticket { get; private set; }

    /// <summary>Bytes of the message that have been framed.</summary>
    public int Sent { get; set; }

    /// <summary>Bytes that the peer takes on this stream.</summary>
    public long Window { get; set; }

    /// <summary>Whether it waits for a window.</summary>
    public bool IsBlocked { get; set; }

    /// <summary>grpc-status; the call is void without one.</summary>
    public int Status { get; set; } = NoStatus;

    public Answer Answer => Status != NoStatus && _prefixLength is 0 or PrefixSize && _remaining == 0
        ? new Answer(Status, _length, _hash)
        : throw new LoadException(Status == NoStatus ? "a call ended without grpc-status" : "a call ended within a message");

    public void Begin(int stream, in Ticket ticket, long window)
    {
        Stream = stream;
        Ticket = ticket;
        Sent = 0;
        Window = window;
        IsBlocked = false;
        Status = NoStatus;
        _prefixLength = 0;
        _remaining = 0;
        _length = 0;
        _hash = 0;
    }

    /// <summary>Takes bytes of the answer: one message behind its prefix (grpc/grpc doc/PROTOCOL-HTTP2.md).</summary>
    public void Receive(ReadOnlySpan<byte> bytes)
    {
        if (_prefixLength < PrefixSize)
        {
            var piece = bytes[..Math.Min(bytes.Length, PrefixSize - _prefixLength)];
            piece.CopyTo(_prefix.AsSpan(_prefixLength));
            _prefixLength += piece.Length;
            bytes = bytes[piece.Length..];
            if (_prefixLength == PrefixSize)
            {
                _remaining = _prefix[0] == 0
                    ? BinaryPrimitives.ReadUInt32BigEndian(_prefix.AsSpan(1))
                    : throw new LoadException("a message is compressed");
            }
        }

        if (bytes.Length > _remaining)
        {
            throw new LoadException("a unary call was answered with more than one message");
        }

        _hash = Body.Hash(_hash, bytes);
        _length += bytes.Length;
        _remaining -= bytes.Length;
    }
}
