using System.Net.Sockets;
using FastSidecar.Commands.Demo;

namespace FastSidecar.Commands.Bench;

/// <summary>
/// Measures the two ways to the app, direct and through both sidecars. In each block the two kinds of load come in random order,
/// and for each of them the two ways in random order right behind each other, so that what disturbs the machine for a while meets
/// both and their differences within a block stay true.
/// </summary>
internal sealed class BenchMeasurement(DemoMesh mesh, BenchOptions options, TimeProvider time, Random random)
{
    private readonly byte[] _body = Body((int)options.SizeBytes);

    private string ThroughTarget => $"/v1.0/invoke/{mesh.Warehouse.AppId}/method{DemoApp.EchoPath}";

    public async Task<BenchResult> RunAsync(CancellationToken interrupted)
    {
        await FindAsync(interrupted);
        var idle = await ResidentAsync(interrupted);
        var blocks = await Task.Factory.StartNew(
            () => Measure(interrupted), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        return new BenchResult(options, blocks, idle, await ResidentAsync(interrupted));
    }

    /// <summary>Printable bytes that do not repeat themselves soon, so that an answer that is shifted or mixed is noticed.</summary>
    private static byte[] Body(int length)
    {
        var body = new byte[length];
        var state = 2463534242u;
        foreach (ref var b in body.AsSpan())
        {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            b = (byte)('@' + (state >> 26));
        }

        return body;
    }

    /// <summary>The first call, which waits for name resolution.</summary>
    private async Task FindAsync(CancellationToken interrupted)
    {
        try
        {
            var answer = await mesh.Shop.Api.SendAsync("POST", ThroughTarget, "", "", _body, interrupted);
            if (answer.Status != 200)
            {
                throw new BenchException($"the first call through both sidecars was answered with {answer.Status}: {answer.Body}");
            }
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new BenchException($"the first call through both sidecars: {e.Message}");
        }
    }

    private async Task<double[]> ResidentAsync(CancellationToken interrupted) =>
    [
        (await ProcessCost.ReadAsync(mesh.Shop, interrupted)).ResidentBytes,
        (await ProcessCost.ReadAsync(mesh.Warehouse, interrupted)).ResidentBytes,
    ];

    /// <summary>On a thread of its own: that of the sockets is the app's.</summary>
    private BenchBlock[] Measure(CancellationToken interrupted)
    {
        var blocks = new BenchBlock[options.Blocks];
        foreach (ref var block in blocks.AsSpan())
        {
            var rateFirst = random.Next(2) == 0;
            var first = Pair(rateFirst ? options.Rate : 0, interrupted);
            var second = Pair(rateFirst ? 0 : options.Rate, interrupted);
            block = rateFirst ? new BenchBlock(first, second) : new BenchBlock(second, first);
        }

        return blocks;
    }

    private LoadPair Pair(long rate, CancellationToken interrupted)
    {
        var directFirst = random.Next(2) == 0;
        var first = Run(directFirst, rate, interrupted);
        var second = Run(!directFirst, rate, interrupted);
        return directFirst ? new LoadPair(first, second) : new LoadPair(second, first);
    }

    private LoadRun Run(bool direct, long rate, CancellationToken interrupted)
    {
        var plan = new LoadPlan
        {
            Port = direct ? mesh.WarehouseApp.Port : mesh.Shop.HttpPort,
            Target = direct ? DemoApp.EchoPath : ThroughTarget,
            Body = _body,
            Connections = (int)options.Connections,
            Rate = rate,
            WarmUp = options.WarmUp,
            Measured = options.RunTime,
            CallerProcess = mesh.Shop.ProcessId,
            CalleeProcess = mesh.Warehouse.ProcessId,
        };
        try
        {
            using var generator = new LoadGenerator(plan, time);
            return generator.Run(interrupted);
        }
        catch (BenchException e)
        {
            var load = rate == 0 ? "as fast as answers come" : $"at {rate} requests/s";
            throw new BenchException($"{(direct ? "direct" : "through both sidecars")}, {load}: {e.Message}");
        }
    }
}
