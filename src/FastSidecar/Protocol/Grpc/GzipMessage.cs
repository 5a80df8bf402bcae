using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Protocol.Grpc;

/// <summary>Messages packed with gzip, in the limits and words of grpc-go (rpc_util.go, decompress). Arrays are of the shared pool.</summary>
internal static class GzipMessage
{
    private const int InitialBytes = 4096;

    /// <summary>Header and trailer of RFC 1952 around an empty deflate block.</summary>
    private const int MinGzipBytes = 10 + 2 + 8;

    /// <summary>
    /// What <paramref name="count"/> bytes at <paramref name="start"/> unpack to, behind <paramref name="reserved"/> free bytes of a rented
    /// array, which is the caller's.
    /// </summary>
    /// <exception cref="PeerMessageException">It is no gzip, is cut, or is more than the limit.</exception>
    public static byte[] Unpack(byte[] packed, int start, int count, int reserved, int maxMessageBytes, out int unpackedBytes)
    {
        var inflated = ArrayPool<byte>.Shared.Rent(InitialBytes);
        var used = reserved;
        try
        {
            using var gzip = new GZipStream(new MemoryStream(packed, start, count, writable: false), CompressionMode.Decompress);
            while (true)
            {
                Ensure(ref inflated, used, 1, InitialBytes);
                var read = gzip.Read(inflated, used, inflated.Length - used);
                used += read;
                if (used - reserved > maxMessageBytes)
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
            unpackedBytes = used - reserved;
            if (count < MinGzipBytes || BinaryPrimitives.ReadUInt32LittleEndian(packed.AsSpan(start + count - sizeof(uint))) != unpackedBytes)
            {
                throw PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: failed to read decompressed data: unexpected EOF");
            }

            var result = inflated;
            inflated = [];
            return result;
        }
        catch (InvalidDataException)
        {
            throw PeerMessageException.Status(GrpcStatusCode.Internal, "grpc: failed to decompress the message: gzip: invalid header");
        }
        finally
        {
            Return(ref inflated);
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

    /// <summary>Makes room for <paramref name="more"/> bytes behind those that are used.</summary>
    public static void Ensure(ref byte[] array, int used, int more, int initialBytes)
    {
        if (array.Length - used >= more)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Math.Max(used + more, array.Length * 2), initialBytes));
        array.AsSpan(0, used).CopyTo(larger);
        Return(ref array);
        array = larger;
    }

    public static void Return(ref byte[] array)
    {
        if (array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(array);
            array = [];
        }
    }
}
