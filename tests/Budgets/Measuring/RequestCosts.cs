using FastSidecar.Compare;

namespace FastSidecar.Budgets.Measuring;

/// <summary>What a request costs two sidecars, apart from time.</summary>
internal static class RequestCosts
{
    /// <summary>Opens the connections, fills the pools, and lets everything run once that runs once.</summary>
    private const int WarmUp = 1000;

    /// <summary>
    /// Under callgrind a request takes about 3 ms. The measured ones come over a connection of their own, which is accepted once for all
    /// of them.
    /// </summary>
    private const int InstructionRequests = 2000;

    private const int CountedRequests = 5000;

    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(1);

    public static async Task<Dictionary<string, double>> InstructionsAsync()
    {
        using var pair = await SidecarPair.StartAsync(underCallgrind: true);
        await pair.SendAsync(WarmUp);
        foreach (var (_, process) in pair.Both)
        {
            Callgrind.Begin(process.Id);
        }

        await pair.SendAsync(InstructionRequests);
        return pair.Both.ToDictionary(
            static sidecar => $"request/{sidecar.Name}/instructions",
            sidecar => Math.Round((double)pair.Callgrind!.Take(sidecar.Process.Name, sidecar.Process.Id) / InstructionRequests));
    }

    /// <summary>Threads while nobody calls, then system calls and bytes of a request.</summary>
    public static async Task<Dictionary<string, double>> CountsAsync()
    {
        var costs = new Dictionary<string, double>();
        using var pair = await SidecarPair.StartAsync(underCallgrind: false);
        await Task.Delay(IdleTime);
        foreach (var (name, process) in pair.Both)
        {
            costs.Add($"idle/{name}/threads", Threads(process.Id));
        }

        await pair.SendAsync(WarmUp);
        using var meter = new AllocationMeter();
        await meter.PrepareAsync([pair.Caller, pair.Callee]);
        await meter.BeginAsync(0);
        await pair.SendAsync(CountedRequests);
        var bytes = await meter.EndAsync(CountedRequests);
        costs.Add("request/caller/allocated", Math.Round(bytes[0]!.Value, 1));
        costs.Add("request/callee/allocated", Math.Round(bytes[1]!.Value, 1));

        using var caller = await CallCounter.StartAsync(pair.Caller.Id);
        using var callee = await CallCounter.StartAsync(pair.Callee.Id);
        await pair.SendAsync(CountedRequests);
        costs.Add("request/caller/syscalls", Math.Round(await caller.StopAsync() / CountedRequests, 2));
        costs.Add("request/callee/syscalls", Math.Round(await callee.StopAsync() / CountedRequests, 2));
        return costs;
    }

    private static int Threads(int process) => Directory.GetDirectories($"/proc/{process}/task").Length;
}
