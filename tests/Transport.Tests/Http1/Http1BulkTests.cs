using System.Buffers;
using System.Net.Sockets;
using System.Security.Cryptography;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http1;
using FastSidecar.Transport.Tests.Sockets;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>Large bodies both ways at once, in bounded memory and with back pressure.</summary>
[Collection(AllocationMeasurements.Name)]
public sealed class Http1BulkTests
{
    private const int BodyBytes = 32 * 1024 * 1024;

    /// <summary>The server sends every byte of the chunked request, framing included, back: the answer is chunked exactly as the request was.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ChunkedBothWays_IsUnchangedInBoundedMemory(bool foreignMemory)
    {
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadHeadAsync();
            await peer.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            await EchoAsync(peer);
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Chunked, 0);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var sending = Task.Run(() => SendAsync(exchange, foreignMemory));
        await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
        var (hash, length, most) = await Task.Run(() => ReceiveAsync(exchange)).Within("body");
        Assert.Equal(await sending.Within("request"), hash);
        Assert.Equal(BodyBytes, length);
        Assert.True(most - before < 4 * 1024 * 1024, $"{(most - before) / 1024} KiB more");
    }

    [Fact]
    public async Task ServerDoesNotRead_FlushWaits()
    {
        var go = new TaskCompletionSource();
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadHeadAsync();
            await go.Task;
            await peer.ReadExactlyAsync(BodyBytes);
            await peer.SendAsync("HTTP/1.1 204 No Content\r\n\r\n");
        });
        await using var client = ClientFor(server);
        using var exchange = await client.OpenAsync();
        exchange.WriteHead("POST"u8, "/"u8, Fields(), Http1BodyFraming.Length, BodyBytes);
        var write = exchange.Output.WriteAsync(new byte[BodyBytes]).AsTask();
        Assert.False(write.IsCompleted);
        go.SetResult();
        await write.Within("write");
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("end");
        Assert.Equal(204, (await exchange.AnswerAsync()).Status);
    }

    [Fact]
    public async Task ClientDoesNotRead_ServerIsHeldBack()
    {
        var sent = 0L;
        await using var server = new RawServer(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.SendAsync($"HTTP/1.1 200 OK\r\nContent-Length: {BodyBytes}\r\n\r\n");
            var block = new byte[64 * 1024];
            for (var left = BodyBytes; left > 0; left -= block.Length)
            {
                await peer.Socket.SendAsync(block);
                Interlocked.Add(ref sent, block.Length);
            }
        });
        await using var client = ClientFor(server);
        using var exchange = await client.StartAsync();
        await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
        var result = await exchange.Input.ReadAsync().AsTask().Within("first bytes");
        Assert.InRange(result.Buffer.Length, 0, 128 * 1024);
        exchange.Input.AdvanceTo(result.Buffer.Start);
        var (_, length, _) = await Task.Run(() => ReceiveAsync(exchange)).Within("body");
        Assert.Equal(BodyBytes, length);
        Assert.Equal(BodyBytes, Interlocked.Read(ref sent));
    }

    private static async Task EchoAsync(RawPeer peer)
    {
        var buffer = await peer.ReceiveAsync();
        while (buffer.Length > 0)
        {
            await SendAllAsync(peer.Socket, buffer);
            if (buffer.AsSpan().EndsWith("\r\n0\r\n\r\n"u8))
            {
                return;
            }

            buffer = new byte[32 * 1024];
            buffer = buffer[..await peer.Socket.ReceiveAsync(buffer)];
        }
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await socket.SendAsync(bytes)..];
        }
    }

    private static async Task<string> SendAsync(Http1Exchange exchange, bool foreignMemory)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        var random = new Random(5);
        var block = new byte[64 * 1024];
        for (var left = BodyBytes; left > 0;)
        {
            var count = Math.Min(random.Next(1, block.Length), left);
            random.NextBytes(block.AsSpan(0, count));
            hash.AppendData(block, 0, count);
            if (foreignMemory)
            {
                await exchange.Output.WriteAsync(block.AsMemory(0, count));
            }
            else
            {
                exchange.Output.Write(block.AsSpan(0, count));
                await exchange.Output.FlushAsync();
            }

            left -= count;
        }

        await exchange.EndRequestAsync(CancellationToken.None);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>With the most memory that was alive at one of a few moments on the way.</summary>
    private static async Task<(string Hash, long Length, long Memory)> ReceiveAsync(Http1Exchange exchange)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        var random = new Random(6);
        var length = 0L;
        var memory = 0L;
        while (true)
        {
            var result = await exchange.Input.ReadAsync();
            if (length / (BodyBytes / 4) != (length + result.Buffer.Length) / (BodyBytes / 4))
            {
                memory = Math.Max(memory, GC.GetTotalMemory(forceFullCollection: true));
            }

            // Now and then only a part, so that chunks are taken up in their middle.
            var take = result.Buffer.Length > 1 && random.Next(4) == 0 ? random.NextInt64(1, result.Buffer.Length) : result.Buffer.Length;
            foreach (var piece in result.Buffer.Slice(0, take))
            {
                hash.AppendData(piece.Span);
            }

            length += take;
            var completed = result.IsCompleted && take == result.Buffer.Length;
            exchange.Input.AdvanceTo(result.Buffer.GetPosition(take), random.Next(2) == 0 ? result.Buffer.End : result.Buffer.GetPosition(take));
            if (completed)
            {
                return (Convert.ToHexString(hash.GetHashAndReset()), length, memory);
            }
        }
    }
}
