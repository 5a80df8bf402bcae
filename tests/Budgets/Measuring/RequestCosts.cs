using FastSidecar.Compare;

namespace FastSidecar.Budgets.Measuring;

/// <summary>What a request costs two sidecars, apart from time.</summary>
/// <param name="isGrpc">A proxied unary call instead of an HTTP request.</param>
internal sealed class RequestCosts(bool isGrpc)
{
    /// <summary>Opens the connections, fills the pools, and lets everything run once that runs once.</summary>
    private const int WarmUp = 1000;

    /// <summary>
    /// Under callgrind a request takes about 3 ms. The measured ones come over a connection of their own, which is accepted once for all
    /// of them.
    /// </summary>
    private const int InstructionRequests = 2000;

    private const int CountedRequests = 2000;

    /// <summary>
    /// A busy machine adds: bytes that come in two pieces cost one more receive, a timer that is due one more thread. So the least of some
    /// looks is what a request costs. Of system calls it is the middle one, since a counter that is attached late misses some.
    /// </summary>
    private const int Looks = 3;

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(500);

    private string Kind => isGrpc ? "call" : "request";

    public async Task<Dictionary<string, double>> InstructionsAsync()
    {
        using var pair = await SidecarPair.StartAsync(isGrpc, underCallgrind: true);
        await pair.SendAsync(WarmUp);
        foreach (var (_, process) in pair.Both)
        {
            Callgrind.Begin(process.Id);
        }

        await pair.SendAsync(InstructionRequests);
        return pair.Both.ToDictionary(
            sidecar => $"{Kind}/{sidecar.Name}/instructions",
            sidecar => Math.Round((double)pair.Callgrind!.Take(sidecar.Process.Name, sidecar.Process.Id) / InstructionRequests));
    }

    /// <summary>Threads while nobody calls, then system calls and bytes of a request.</summary>
    public async Task<Dictionary<string, double>> CountsAsync()
    {
        var costs = new Dictionary<string, double>();
        using var pair = await SidecarPair.StartAsync(isGrpc, underCallgrind: false);
        for (var look = 0; look < Looks; look++)
        {
            await Task.Delay(BetweenLooks);
            KeepLeast(costs, "idle/caller/threads", Threads(pair.Caller.Id));
            KeepLeast(costs, "idle/callee/threads", Threads(pair.Callee.Id));
        }

        var callsOfCaller = new double[Looks];
        var callsOfCallee = new double[Looks];
        await pair.SendAsync(WarmUp);
        for (var look = 0; look < Looks; look++)
        {
            using var meter = new AllocationMeter();
            await meter.PrepareAsync([pair.Caller, pair.Callee]);
            await meter.BeginAsync(0);
            await pair.SendAsync(CountedRequests);
            var bytes = await meter.EndAsync(CountedRequests);
            KeepLeast(costs, $"{Kind}/caller/allocated", Math.Round(bytes[0]!.Value, 1));
            KeepLeast(costs, $"{Kind}/callee/allocated", Math.Round(bytes[1]!.Value, 1));

            using var caller = await CallCounter.StartAsync(pair.Caller.Id);
            using var callee = await CallCounter.StartAsync(pair.Callee.Id);
            await pair.SendAsync(CountedRequests);
            callsOfCaller[look] = await caller.StopAsync() / CountedRequests;
            callsOfCallee[look] = await callee.StopAsync() / CountedRequests;
        }

        costs[$"{Kind}/caller/syscalls"] = Math.Round(Median(callsOfCaller), 2);
        costs[$"{Kind}/callee/syscalls"] = Math.Round(Median(callsOfCallee), 2);
        return costs;
    }

    private static void KeepLeast(Dictionary<string, double> costs, string name, double cost) =>
        costs[name] = costs.TryGetValue(name, out var least) ? Math.Min(least, cost) : cost;

    private static double Median(double[] counts)
    {
        Array.Sort(counts);
        return counts[counts.Length / 2];
    }

    private static int Threads(int process) => Directory.GetDirectories($"/proc/{process}/task").Length;
}
