using System.Buffers;
using System.Buffers.Binary;

namespace FastSidecar.Load.Ticks;

/// <summary>A tick: a number of 8 bytes, and padding, behind the prefix of a gRPC message.</summary>
internal static class TickMessage
{
    private const int PrefixBytes = 5;
    private const int ContentBytes = 32;

    public const int Bytes = PrefixBytes + ContentBytes;

    public static void Write(IBufferWriter<byte> output, long number)
    {
        var message = output.GetSpan(Bytes)[..Bytes];
        message.Clear();
        message[4] = ContentBytes;
        BinaryPrimitives.WriteInt64BigEndian(message[PrefixBytes..], number);
        output.Advance(Bytes);
    }

    /// <summary>Takes the next tick off the buffer; false when less than a whole one is there.</summary>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, out long number)
    {
        number = 0;
        if (buffer.Length < Bytes)
        {
            return false;
        }

        Span<byte> message = stackalloc byte[Bytes];
        buffer.Slice(0, Bytes).CopyTo(message);
        if (message[0] != 0 || BinaryPrimitives.ReadInt32BigEndian(message[1..]) != ContentBytes)
        {
            throw new LoadException("a message is no tick");
        }

        number = BinaryPrimitives.ReadInt64BigEndian(message[PrefixBytes..]);
        buffer = buffer.Slice(Bytes);
        return true;
    }
}
