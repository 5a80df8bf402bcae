using FastSidecar.Integration.Shared;
using Xunit;
using Xunit.Abstractions;

namespace FastSidecar.Integration.Resources;

/// <summary>What a request costs on the managed heap in steady state, told by the sidecars' own metrics.</summary>
[Collection("Resources")]
public sealed class AllocationTests(SidecarPair pair, ITestOutputHelper output) : PairTests<SidecarPair>(pair)
{
    private const string AllocatedBytes = "go_memstats_alloc_bytes_total";
    private const int WarmUp = 3000;
    private const int Measured = 5000;
    private const int BodyBytes = 1024;

    /// <summary>
    /// Measured are about 300 and 10: several new objects per request show, and the noise of a busy machine (timers, a pool that found itself empty) does not.
    /// </summary>
    private const double MostInCaller = 600;

    private const double MostInCallee = 200;

    [Fact]
    public async Task SequentialPosts_AllocateABoundedSum()
    {
        using var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await CallAsync(connection, WarmUp);
        var caller = await Pair.Caller.MetricAsync(AllocatedBytes);
        var callee = await Pair.Callee.MetricAsync(AllocatedBytes);

        await CallAsync(connection, Measured);

        var perCallInCaller = (await Pair.Caller.MetricAsync(AllocatedBytes) - caller) / Measured;
        var perCallInCallee = (await Pair.Callee.MetricAsync(AllocatedBytes) - callee) / Measured;
        output.WriteLine($"bytes allocated per request: {perCallInCaller:F0} by the caller's sidecar, {perCallInCallee:F0} by the callee's");
        Assert.InRange(perCallInCaller, 0, MostInCaller);
        Assert.InRange(perCallInCallee, 0, MostInCallee);
    }

    private async Task CallAsync(RawConnection connection, int count)
    {
        var request = $"POST {Pair.PathTo("echo")} HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: {BodyBytes}\r\n\r\n" + new string('x', BodyBytes);
        var bytes = System.Text.Encoding.ASCII.GetBytes(request);
        for (var i = 0; i < count; i++)
        {
            await connection.SendAsync(bytes);
            var answer = await connection.AnswerAsync();
            Assert.True(answer is { Status: 200 } && answer.Body.Length == BodyBytes, $"{answer}");
        }
    }
}
