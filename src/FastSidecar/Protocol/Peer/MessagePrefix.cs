using System.Buffers;
using System.Buffers.Binary;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// What stands before every message (grpc/grpc doc/PROTOCOL-HTTP2.md): one byte flag, 1 for compressed, and four bytes length, big-endian.
/// </summary>
internal static class MessagePrefix
{
    public const int SizeBytes = 5;

    /// <summary>The prefix the reader stands before; false when it is cut off.</summary>
    public static bool TryPeek(in SequenceReader<byte> reader, out byte flag, out uint length)
    {
        Span<byte> prefix = stackalloc byte[SizeBytes];
        if (!reader.TryCopyTo(prefix))
        {
            flag = 0;
            length = 0;
            return false;
        }

        flag = prefix[0];
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return true;
    }

    /// <summary>
    /// The prefix of a message that is not compressed and within the limit; false for all others, and when it is cut off.
    /// </summary>
    public static bool TryReadPlain(ReadOnlySpan<byte> bytes, int maxMessageBytes, out int messageBytes)
    {
        messageBytes = 0;
        if (bytes.Length < SizeBytes || bytes[0] != 0)
        {
            return false;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(bytes[1..]);
        messageBytes = (int)Math.Min(length, int.MaxValue);
        return length <= maxMessageBytes;
    }
}
