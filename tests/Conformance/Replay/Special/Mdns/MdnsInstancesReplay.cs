using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>
/// Several sidecars of one app id, each with an app that answers its number: who is called in turn, and what a caller sees
/// when one is killed or stopped.
/// </summary>
internal static class MdnsInstancesReplay
{
    /// <summary>
    /// The recording called for 105 s, because daprd serves a dead address for up to 90; nothing new happens here after the
    /// first seconds.
    /// </summary>
    private static readonly TimeSpan Observed = TimeSpan.FromSeconds(12);

    /// <summary>Less than the second before a second try.</summary>
    private const double SlowSeconds = 0.9;

    private const int MostSlow = 3;

    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    /// <summary>A first look-up takes the first that answers; the others are collected for 3 s behind it.</summary>
    private static readonly TimeSpan AllKnown = TimeSpan.FromSeconds(4);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(settings, file, r));
        }
    }

    private static async Task<JsonObject> RunAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        var name = CaseFile.NameOf(recorded);
        await using var bench = await MdnsBench.StartAsync(settings, file, name);
        var isProxied = name.StartsWith("grpc", StringComparison.Ordinal);
        using var instances = new Instances(bench, isProxied);
        var count = recorded["instances"]?.GetValue<int>() ?? name[^1] - '0';
        for (var i = 0; i < count; i++)
        {
            await instances.AddAsync($"inst{i}", i.ToString(System.Globalization.CultureInfo.InvariantCulture));
        }

        bench.Start("caller", "caller", hasApp: false);
        await bench.Topology.ReadyAsync("caller");
        if (isProxied)
        {
            return await ProxyRotationAsync(bench, recorded, count);
        }

        return recorded["event"] is null ? await RotationAsync(bench, recorded, count) : await EventAsync(bench, instances, recorded);
    }

    /// <summary>The recorded order when ours goes round in turn too: where a rotation begins, and which way, is chance.</summary>
    private static async Task<JsonObject> RotationAsync(MdnsBench bench, JsonObject recorded, int count)
    {
        var actual = recorded.DeepClone().AsObject();
        var first = await CallsAsync(bench, recorded["first_five_at_once_after_start"]!.AsArray().Count);
        await Task.Delay(AllKnown);
        var later = await CallsAsync(bench, recorded["thirty_after_4s"]!.AsArray().Count);
        if (!first.All(n => int.TryParse(n, out var number) && number < count))
        {
            actual["first_five_at_once_after_start"] = Array(first);
        }

        if (!IsRotation(later, count))
        {
            actual["thirty_after_4s"] = Array(later);
        }

        return actual;
    }

    /// <summary>The same for proxied gRPC calls. While not all instances are known to the caller, it may ask those that are.</summary>
    private static async Task<JsonObject> ProxyRotationAsync(MdnsBench bench, JsonObject recorded, int count)
    {
        var actual = recorded.DeepClone().AsObject();
        var first = await ProxiedCallsAsync(bench, recorded["first_three"]!.AsArray().Count);
        await Task.Delay(AllKnown);
        var later = await ProxiedCallsAsync(bench, recorded["twelve_after_4s"]!.AsArray().Count);
        if (!first.All(n => int.TryParse(n, out var number) && number < count))
        {
            actual["first_three"] = Array(first);
        }

        if (!IsRotation(later, count))
        {
            actual["twelve_after_4s"] = Array(later);
        }

        return actual;
    }

    private static async Task<List<string>> ProxiedCallsAsync(MdnsBench bench, int count)
    {
        var to = new IPEndPoint(IPAddress.Loopback, bench.Topology.Sidecars["caller"].Ports.Grpc);
        var seen = new List<string>();
        for (var i = 0; i < count; i++)
        {
            var answer = await GrpcClient.CallAsync(to, GrpcClient.Unary("/user.Svc/M", "ping", "Raw", [new JsonArray("dapr-app-id", "callee")]));
            seen.Add(answer["messages"] is JsonArray { Count: 1 } messages ? messages[0]!.ToString() : "failed");
        }

        return seen;
    }

    private static async Task<JsonObject> EventAsync(MdnsBench bench, Instances instances, JsonObject recorded)
    {
        await CallsAsync(bench, 1);
        await Task.Delay(AllKnown);
        var before = await CallsAsync(bench, 6);
        var isKill = recorded["event"]!.GetValue<string>().Contains("SIGKILL", StringComparison.Ordinal);
        bench.Topology.Sidecars["inst0"].Signal(isKill ? SidecarProcess.SigKill : SidecarProcess.SigTerm);
        var start = Clock.Now;
        var isRestarted = CaseFile.NameOf(recorded).EndsWith("elsewhere", StringComparison.Ordinal);
        var restarted = isRestarted ? instances.AddAsync("new0", "new0") : Task.CompletedTask;
        var (failed, slow) = (0, 0);
        double? lastFailed = null;
        while (Clock.Now - start < Observed.TotalSeconds)
        {
            var at = Clock.Now - start;
            if (await CallAsync(bench) is "failed")
            {
                failed++;
                lastFailed = Math.Round(at, 1);
            }

            slow += Clock.Now - start - at > SlowSeconds ? 1 : 0;
            await Task.Delay(Every);
        }

        await restarted;
        var actual = recorded.DeepClone().AsObject();
        foreach (var unlike in new[] { "calls", "caller_log", "last_failed_call_at_s" })
        {
            actual.Remove(unlike);
        }

        if (!IsRotation(before, recorded["instances"]!.GetValue<int>()))
        {
            actual["six_calls_before"] = Array(before);
        }

        actual["failed_calls"] = failed;
        if (lastFailed is not null)
        {
            actual["last_failed_call_at_s"] = lastFailed;
        }

        // One call or two may find out that an instance is gone; after that nobody is sent there, where in turn it would be
        // every second call.
        if (slow > MostSlow)
        {
            actual["slow_calls"] = slow;
        }

        return actual;
    }

    private static async Task<List<string>> CallsAsync(MdnsBench bench, int count)
    {
        var seen = new List<string>();
        for (var i = 0; i < count; i++)
        {
            seen.Add(await CallAsync(bench));
        }

        return seen;
    }

    private static async Task<string> CallAsync(MdnsBench bench)
    {
        var result = await bench.CallAsync("caller", "callee", null);
        return result["status"]?.GetValue<int>() == 200 ? result["body"]!["text"]!.GetValue<string>() : "failed";
    }

    private static bool IsRotation(List<string> seen, int count) =>
        seen.Take(count).Distinct().Count() == count && seen.Skip(count).Zip(seen).All(pair => pair.First == pair.Second);

    private static JsonArray Array(IEnumerable<string> texts) => [.. texts.Select(t => (JsonNode)t)];

    /// <summary>The sidecars of the app id <c>callee</c> with their apps.</summary>
    private sealed class Instances(MdnsBench bench, bool isGrpc) : IDisposable
    {
        private readonly List<IDisposable> _apps = [];
        private readonly FreePorts _ports = new(new Random());

        public async Task AddAsync(string key, string answer)
        {
            if (isGrpc)
            {
                await AddGrpcAsync(key, answer);
                return;
            }

            var app = new ScriptedApp(_ports.Next(), bench.Topology.Rendezvous);
            app.Quiet["/x"] = _ => Task.FromResult<string?>($"HTTP/1.1 200 OK\r\nContent-Length: {answer.Length}\r\n\r\n{answer}");
            app.Start();
            _apps.Add(app);
            bench.Start(key, "callee", hasApp: true, appPort: app.Port);
            await bench.Topology.ReadyAsync(key);
        }

        private async Task AddGrpcAsync(string key, string answer)
        {
            var app = new GrpcApp(_ports.Next());
            app.Expect(JsonNode.Parse(
                $$"""
                [
                  {"wait": "end"}, {"headers": [[":status", "200"], ["content-type", "application/grpc"]]},
                  {"msg": "{{answer}}", "type": "Raw"}, {"trailers": [["grpc-status", "0"]]}
                ]
                """));
            app.Start();
            _apps.Add(app);
            bench.Start(key, "callee", hasApp: true, new JsonArray("--app-protocol", "grpc"), appPort: app.Port);
            await bench.Topology.ReadyAsync(key);
        }

        public void Dispose() => _apps.ForEach(app => app.Dispose());
    }
}
