using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Grpc;

/// <summary>Messages whose flag says that they are compressed. The texts are grpc-go's (rpc_util.go, decompress).</summary>
internal static class GzipMessage
{
    /// <summary>Header and trailer of RFC 1952 around an empty deflate block.</summary>
    private const int MinBytes = 10 + 2 + 8;

    private const int InitialBytes = 4096;

    /// <summary>
    /// Unpacks the first <paramref name="packedBytes"/> bytes of <paramref name="packed"/> into an array of the shared pool and returns
    /// how many there are.
    /// </summary>
    /// <param name="packed">The message as it came.</param>
    /// <param name="packedBytes">Its size.</param>
    /// <param name="maxMessageBytes">Limit of the unpacked message.</param>
    /// <param name="unpacked">Rented; the caller's.</param>
    /// <exception cref="PeerMessageException">It is no gzip, cut, or too large; nothing is rented then.</exception>
    public static int Unpack(byte[] packed, int packedBytes, int maxMessageBytes, out byte[] unpacked)
    {
        var inflated = ArrayPool<byte>.Shared.Rent(InitialBytes);
        var count = 0;
        unpacked = [];
        try
        {
            using var gzip = new GZipStream(new MemoryStream(packed, 0, packedBytes, writable: false), CompressionMode.Decompress);
            while (true)
            {
                if (count == inflated.Length)
                {
                    inflated = Grown(inflated);
                }

                var read = gzip.Read(inflated, count, inflated.Length - count);
                count += read;
                if (count > maxMessageBytes)
                {
                    throw PeerMessageException.Status(
                        GrpcStatusCode.ResourceExhausted, $"grpc: received message after decompression larger than max {maxMessageBytes}");
                }

                if (read == 0)
                {
                    break;
                }
            }

            // GZipStream takes a cut stream for a complete one; the size at its end (RFC 1952 §2.3.1) tells.
            if (packedBytes < MinBytes || BinaryPrimitives.ReadUInt32LittleEndian(packed.AsSpan(packedBytes - sizeof(uint))) != count)
            {
                throw PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: failed to read decompressed data: unexpected EOF");
            }

            (unpacked, inflated) = (inflated, []);
            return count;
        }
        catch (InvalidDataException)
        {
            throw PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: failed to decompress the message: gzip: invalid header");
        }
        finally
        {
            if (inflated.Length > 0)
            {
                ArrayPool<byte>.Shared.Return(inflated);
            }
        }
    }

    /// <summary>A whole message, prefix and all, packed.</summary>
    public static void Write(IBufferWriter<byte> output, ReadOnlySpan<byte> message)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            gzip.Write(message);
        }

        var prefix = output.GetSpan(MessagePrefix.SizeBytes);
        prefix[0] = 1;
        BinaryPrimitives.WriteUInt32BigEndian(prefix[1..], (uint)packed.Length);
        output.Advance(MessagePrefix.SizeBytes);
        output.Write(packed.GetBuffer().AsSpan(0, (int)packed.Length));
    }

    private static byte[] Grown(byte[] array)
    {
        var larger = ArrayPool<byte>.Shared.Rent(array.Length * 2);
        array.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(array);
        return larger;
    }
}
