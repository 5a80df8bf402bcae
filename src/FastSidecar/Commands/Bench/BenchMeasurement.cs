using System.Net.Sockets;
using FastSidecar.Commands.Demo;

namespace FastSidecar.Commands.Bench;

/// <summary>
/// Measures the two ways to the app, direct and through both sidecars. In each block the two kinds of load come in random order, and for each of them the two
/// ways in random order right behind each other, so that what disturbs the machine for a while meets both and their differences within a block stay true.
/// </summary>
internal sealed class BenchMeasurement(DemoMesh mesh, BenchOptions options, TimeProvider time, Random random)
{
    private readonly byte[] _body = Body((int)options.SizeBytes);

    private string ThroughTarget => $"/v1.0/invoke/{mesh.Warehouse.AppId}/method{DemoApp.EchoPath}";

    public async Task<BenchResult> RunAsync(CancellationToken interrupted)
    {
        await FindAsync(interrupted);
        var idle = await ResidentAsync(interrupted);
        var blocks = new BenchBlock[options.Blocks];
        for (var i = 0; i < blocks.Length; i++)
        {
            blocks[i] = await BlockAsync(interrupted);
        }

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

    private async Task<BenchBlock> BlockAsync(CancellationToken interrupted)
    {
        var rateFirst = random.Next(2) == 0;
        var first = await PairAsync(rateFirst ? options.Rate : null, interrupted);
        var second = await PairAsync(rateFirst ? null : options.Rate, interrupted);
        return rateFirst ? new BenchBlock(first, second) : new BenchBlock(second, first);
    }

    private async Task<LoadPair> PairAsync(long? rate, CancellationToken interrupted)
    {
        if (random.Next(2) == 0)
        {
            var direct = await RunAsync("direct", Direct(rate), interrupted);
            return new LoadPair(direct, await RunAsync("through both sidecars", Through(rate), interrupted));
        }

        var through = await RunAsync("through both sidecars", Through(rate), interrupted);
        return new LoadPair(await RunAsync("direct", Direct(rate), interrupted), through);
    }

    private LoadPlan Direct(long? rate) => Plan(mesh.WarehouseApp.Port, DemoApp.EchoPath, rate);

    private LoadPlan Through(long? rate) => Plan(mesh.Shop.HttpPort, ThroughTarget, rate);

    private LoadPlan Plan(int port, string target, long? rate) => new()
    {
        Port = port,
        Target = target,
        Body = _body,
        Connections = (int)options.Connections,
        Rate = rate,
        WarmUp = options.WarmUp,
        Measured = options.RunTime,
        CallerProcess = mesh.Shop.ProcessId,
        CalleeProcess = mesh.Warehouse.ProcessId,
    };

    /// <summary>A run on a thread of its own: this one may be the app's.</summary>
    private async Task<LoadRun> RunAsync(string way, LoadPlan plan, CancellationToken interrupted)
    {
        try
        {
            return await Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        }
        catch (BenchException e)
        {
            throw new BenchException($"{way}, {(plan.Rate is null ? "closed loop" : $"{plan.Rate} requests/s")}: {e.Message}");
        }

        LoadRun Run()
        {
            using var generator = new LoadGenerator(plan, time);
            return generator.Run(interrupted);
        }
    }
}
