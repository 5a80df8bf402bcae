using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Resources;

/// <summary>Uploads to an app that takes a head and never reads on.</summary>
[Collection("Resources")]
public sealed class StalledUploadTests(LargeScriptedPair pair, ITestOutputHelper output) : PairTests<LargeScriptedPair>(pair)
{
    private const int Uploads = 60;

    /// <summary>For all uploads, in each sidecar: of each a stream's window, a receive block and what is kept for a repeat.</summary>
    private const long MostGrowth = 40L << 20;

    /// <summary>More than the kernel's buffers of all connections on the way take.</summary>
    private const long MostSent = 64 << 20;

    private static readonly TimeSpan Stalled = TimeSpan.FromMilliseconds(500);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AppDoesNotRead_UploadsStall_AndHoldABoundedSum(bool throughAPeer)
    {
        using var leave = new CancellationTokenSource();
        var gone = leave.Token;
        await Pair.Scripted.PlayAsync(_ => Task.Delay(Timeout.Infinite, gone).ContinueWith(static _ => { }, TaskScheduler.Default));
        var port = throughAPeer ? Pair.Caller.HttpPort : Pair.ScriptedCallee.HttpPort;
        await using var watch = new MemoryWatch(Pair.Processes);
        var clients = new List<Socket>();
        try
        {
            for (var i = 0; i < Uploads; i++)
            {
                var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { SendBufferSize = 64 << 10 };
                clients.Add(client);
                await client.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)).Within("a connection");
                await client.SendAsync(Encoding.ASCII.GetBytes($"POST {Pair.PathToScripted} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"));
            }

            var sent = await Task.WhenAll(clients.Select(SendUntilStalledAsync)).Within("all uploads to stall");
            Assert.All(sent, static bytes => Assert.InRange(bytes, 1, MostSent - 1));
            output.WriteLine($"sent until all stalled: {sent.Sum() >> 10} KiB");
            foreach (var (appId, bytes) in await watch.GrowthAsync())
            {
                output.WriteLine($"{appId} grew by {bytes >> 10} KiB");
                Assert.True(bytes < MostGrowth, $"{appId} grew by {bytes >> 10} KiB");
            }
        }
        finally
        {
            await leave.CancelAsync();
            clients.ForEach(static client => client.Dispose());
        }
    }

    private static async Task<long> SendUntilStalledAsync(Socket client)
    {
        byte[] piece = [.. "8000\r\n"u8, .. new byte[0x8000], .. "\r\n"u8];
        var sent = 0L;
        using var stalled = new CancellationTokenSource();
        try
        {
            while (sent < MostSent)
            {
                stalled.CancelAfter(Stalled);
                sent += await client.SendAsync(piece, SocketFlags.None, stalled.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // It takes no more.
        }

        return sent;
    }
}
