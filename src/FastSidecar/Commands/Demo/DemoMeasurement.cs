using System.Net.Sockets;

namespace FastSidecar.Commands.Demo;

/// <summary>Latencies of one way, in microseconds.</summary>
internal readonly record struct Latency(int Requests, double P50, double P99);

/// <summary>What requests cost a sidecar.</summary>
/// <param name="AppId">Whose sidecar.</param>
/// <param name="CpuMicroseconds">CPU time for each request.</param>
/// <param name="AllocatedBytes">Managed memory allocated for each request.</param>
/// <param name="ResidentBytes">Memory of the process at the end.</param>
internal readonly record struct SidecarCost(string AppId, double CpuMicroseconds, double AllocatedBytes, double ResidentBytes);

/// <summary>The numbers of the table.</summary>
internal sealed record DemoCost(Latency Direct, Latency Through, SidecarCost[] Sidecars);

/// <summary>
/// One request after the other on one connection, 1 KiB there and back: to the warehouse's app itself, then through both sidecars. A look at the order of magnitude, not a benchmark.
/// </summary>
internal sealed class DemoMeasurement(DemoMesh mesh, TimeProvider time)
{
    private const int BodyBytes = 1024;
    private const int WarmUpRequests = 2000;
    private const int MostRequests = 8000;
    private const string ThroughTarget = "/v1.0/invoke/warehouse/method" + DemoApp.EchoPath;

    /// <summary>On a slow machine a part ends early, with fewer requests.</summary>
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MeasuredTime = TimeSpan.FromSeconds(2.5);

    /// <summary>For a request that is never answered.</summary>
    private static readonly TimeSpan PartLimit = TimeSpan.FromSeconds(5);

    private readonly byte[] _body = new byte[BodyBytes];
    private readonly long[] _ticks = new long[MostRequests];

    public async Task<DemoCost> RunAsync(CancellationToken interrupted)
    {
        _body.AsSpan().Fill((byte)'x');
        await using var app = new DemoClient(mesh.WarehouseApp.Port, time);
        await WarmUpAsync(app, DemoApp.EchoPath, interrupted);
        var direct = await MeasureAsync(app, DemoApp.EchoPath, interrupted);

        await WarmUpAsync(mesh.Shop.Api, ThroughTarget, interrupted);
        var first = await ReadAsync(interrupted);
        var before = await ReadAsync(interrupted);
        var through = await MeasureAsync(mesh.Shop.Api, ThroughTarget, interrupted);
        var after = await ReadAsync(interrupted);
        return new DemoCost(direct, through, [Cost(mesh.Shop, 0), Cost(mesh.Warehouse, 1)]);

        SidecarCost Cost(DemoSidecar sidecar, int index)
        {
            // Reading the metrics allocates as well; how much, the first two readings say.
            var allocatedByReading = before[index].AllocatedBytes - first[index].AllocatedBytes;
            var allocated = after[index].AllocatedBytes - before[index].AllocatedBytes - allocatedByReading;
            var cpuSeconds = after[index].CpuSeconds - before[index].CpuSeconds;
            return new SidecarCost(
                sidecar.AppId, cpuSeconds * 1e6 / through.Requests, Math.Max(0, allocated) / through.Requests, after[index].ResidentBytes);
        }
    }

    private async Task<ProcessCost[]> ReadAsync(CancellationToken interrupted) =>
        [await ProcessCost.ReadAsync(mesh.Shop, interrupted), await ProcessCost.ReadAsync(mesh.Warehouse, interrupted)];

    private Task<int> WarmUpAsync(DemoClient client, string target, CancellationToken interrupted) =>
        GuardAsync(RequestsAsync(client, target, WarmUpRequests, WarmUpTime, interrupted), target);

    private async Task<Latency> MeasureAsync(DemoClient client, string target, CancellationToken interrupted)
    {
        var count = await GuardAsync(RequestsAsync(client, target, MostRequests, MeasuredTime, interrupted), target);
        var measured = _ticks.AsSpan(0, count);
        measured.Sort();
        return new Latency(count, Microseconds(measured, 0.5), Microseconds(measured, 0.99));
    }

    private async Task<int> GuardAsync(Task<int> requests, string target)
    {
        try
        {
            return await requests.WaitAsync(PartLimit, time);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new DemoException($"measuring: POST {target}: {e.Message}");
        }
        catch (TimeoutException)
        {
            throw new DemoException($"measuring: POST {target} was not answered within {PartLimit.TotalSeconds} s");
        }
    }

    /// <summary>Gives the number of requests made; their times stand in <see cref="_ticks"/>.</summary>
    private async Task<int> RequestsAsync(DemoClient client, string target, int most, TimeSpan atMost, CancellationToken interrupted)
    {
        var started = time.GetTimestamp();
        for (var i = 0; i < most; i++)
        {
            var before = time.GetTimestamp();
            if (i > 0 && time.GetElapsedTime(started, before) > atMost)
            {
                return i;
            }

            interrupted.ThrowIfCancellationRequested();
            await client.EchoAsync(target, _body, CancellationToken.None);
            _ticks[i] = time.GetTimestamp() - before;
        }

        return most;
    }

    private double Microseconds(ReadOnlySpan<long> sorted, double quantile)
    {
        var index = Math.Min(sorted.Length - 1, (int)Math.Ceiling(sorted.Length * quantile) - 1);
        return sorted[Math.Max(0, index)] * 1e6 / time.TimestampFrequency;
    }
}
