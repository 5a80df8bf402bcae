using System.Buffers;
using System.Buffers.Binary;
using FastSidecar.Transport.Buffers;

namespace FastSidecar.Transport.Grpc;

/// <summary>
/// The prefix of every gRPC message inside DATA (grpc/grpc doc/PROTOCOL-HTTP2.md, Length-Prefixed-Message):
/// <code>
/// +----------------+---------------------------------+----------------+
/// | compressed (1) | length, big-endian (4)          | message (...)  |
/// +----------------+---------------------------------+----------------+
/// </code>
/// </summary>
public static class MessageFraming
{
    public const int PrefixBytes = 5;

    /// <summary>Takes the prefix off <paramref name="buffer"/>. False, and the buffer untouched, when it is not all there.</summary>
    /// <exception cref="GrpcFramingException">The flag is neither 0 nor 1.</exception>
    public static bool TryReadPrefix(ref ReadOnlySequence<byte> buffer, out bool compressed, out uint length)
    {
        if (!TryPeekPrefix(buffer, out compressed, out length))
        {
            return false;
        }

        buffer = buffer.Slice(PrefixBytes);
        return true;
    }

    /// <summary>Takes a whole message off <paramref name="buffer"/>. False, and the buffer untouched, when it is not all there.</summary>
    /// <param name="buffer">The DATA received and not yet consumed.</param>
    /// <param name="maxBytes">The longest message allowed: a longer one fails on its prefix, before any of it is waited for.</param>
    /// <param name="compressed">The message is coded as the call's grpc-encoding says.</param>
    /// <param name="message">Lies in the buffer's memory and is valid as long as that is.</param>
    /// <exception cref="GrpcFramingException">The flag is neither 0 nor 1, or the message is too long.</exception>
    public static bool TryReadMessage(ref ReadOnlySequence<byte> buffer, uint maxBytes, out bool compressed, out ReadOnlySequence<byte> message)
    {
        message = default;
        if (!TryPeekPrefix(buffer, out compressed, out var length))
        {
            return false;
        }

        if (length > maxBytes)
        {
            throw new GrpcFramingException(GrpcStatusCode.ResourceExhausted, $"grpc: received message larger than max ({length} vs. {maxBytes})");
        }

        if (buffer.Length - PrefixBytes < length)
        {
            return false;
        }

        message = buffer.Slice(PrefixBytes, length);
        buffer = buffer.Slice(message.End);
        return true;
    }

    /// <summary>Writes the prefix to the first <see cref="PrefixBytes"/> bytes of <paramref name="output"/>.</summary>
    public static void WritePrefix(Span<byte> output, bool compressed, uint length)
    {
        BinaryPrimitives.WriteUInt32BigEndian(output[1..], length);
        output[0] = compressed ? (byte)1 : (byte)0;
    }

    /// <summary>Appends the prefix to <paramref name="output"/>.</summary>
    public static void WritePrefix(IBufferWriter<byte> output, bool compressed, uint length)
    {
        WritePrefix(output.GetSpan(PrefixBytes), compressed, length);
        output.Advance(PrefixBytes);
    }

    private static bool TryPeekPrefix(in ReadOnlySequence<byte> buffer, out bool compressed, out uint length)
    {
        compressed = false;
        length = 0;
        if (!buffer.TryPeek(stackalloc byte[PrefixBytes], out var prefix))
        {
            return false;
        }

        if (prefix[0] > 1)
        {
            throw new GrpcFramingException(GrpcStatusCode.Internal, $"grpc: received unexpected payload format {prefix[0]}");
        }

        compressed = prefix[0] == 1;
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return true;
    }
}
