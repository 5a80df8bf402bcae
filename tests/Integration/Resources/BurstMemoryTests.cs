using System.Text;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Resources;

/// <summary>What is left of a burst when it is over.</summary>
[Collection("Resources")]
public sealed class BurstMemoryTests(SidecarPair pair, ITestOutputHelper output) : PairTests<SidecarPair>(pair)
{
    private const int Connections = 64;
    private const int CallsOnEach = 10;
    private const int BodyBytes = 64 << 10;

    /// <summary>The first ones fill the pools, which keep what they are bounded by.</summary>
    private const int FirstBursts = 6;

    private const int LaterBursts = 8;

    /// <summary>
    /// For all later bursts together. Memory levels out at about 50 MiB (measured over 40 bursts), at a pace that is the garbage collector's; 5 KiB kept of every call
    /// would be more than this.
    /// </summary>
    private const long MostGrowth = 24L << 20;

    [Fact]
    public async Task BurstAfterBurst_LeavesNoMoreBehind()
    {
        await BurstsAsync(FirstBursts);
        var before = Pair.Processes.Select(static process => process.ResidentBytes()).ToArray();

        await BurstsAsync(LaterBursts);

        foreach (var (process, resident) in Pair.Processes.Zip(before))
        {
            var growth = process.ResidentBytes() - resident;
            output.WriteLine($"{process.AppId}: {resident >> 10} KiB after the first bursts, {growth >> 10} KiB more after the later ones");
            Assert.True(growth < MostGrowth, $"{process.AppId} grew by {growth >> 10} KiB");
        }
    }

    private async Task BurstsAsync(int count)
    {
        for (var i = 0; i < count; i++)
        {
            await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => CallAsync())).Within("a burst");
        }
    }

    private async Task CallAsync()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        byte[] request =
        [
            .. Encoding.ASCII.GetBytes($"POST {Pair.PathTo("echo")} HTTP/1.1\r\nHost: x\r\nContent-Length: {BodyBytes}\r\n\r\n"),
            .. new byte[BodyBytes],
        ];
        for (var i = 0; i < CallsOnEach; i++)
        {
            await connection.SendAsync(request);
            var answer = await connection.AnswerAsync();
            Assert.True(answer is { Status: 200 } && answer.Body.Length == BodyBytes, $"{answer}");
        }
    }
}
