using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>Look-ups of a new caller, beside a callee with an app: answers, how long they took, and the packets.</summary>
internal static class MdnsClientReplay
{
    /// <summary>A refresh collects answers for 3 s; what is sent in that time belongs to the look-up.</summary>
    private static readonly TimeSpan AfterLast = TimeSpan.FromSeconds(1.5);

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
        bench.Topology.App.Start();
        var isLate = name.StartsWith("callee-starts", StringComparison.Ordinal);
        if (!isLate)
        {
            var callee = bench.Start("callee", "callee", hasApp: true);
            await bench.Topology.ReadyAsync("callee");
            await bench.AnnouncedAsync(callee);
        }

        var caller = bench.Start("caller", "caller", hasApp: false);
        await bench.Topology.ReadyAsync("caller");
        await bench.AnnouncedAsync(caller);
        bench.Capture.Clear();

        var late = isLate ? StartLateAsync(bench) : Task.CompletedTask;
        var actual = recorded.DeepClone().AsObject();
        actual["exchanges"] = new JsonArray([.. await ExchangesAsync(bench, recorded)]);
        await late;
        await Task.Delay(AfterLast);
        var wanted = Packets(recorded);
        var sent = bench.Capture.Take().Where(p => p.Interface == MdnsBench.Interface);
        var compared = MdnsBench.Compared(wanted, sent, bench.Topology.Placeholders.Fill);
        actual["packets"] = JsonNode.DeepEquals(wanted, compared) ? recorded["packets"]!.DeepClone() : compared;
        var log = LogLines.Read(bench.Topology.Placeholders.Seen(caller.Log));
        actual["caller_log"] = LogLines.Compared(
            recorded["caller_log"]!.AsArray(), [.. log.Where(l => l.Contains("dapr.contrib", StringComparison.Ordinal))]);
        return actual;
    }

    /// <summary>Without the goodbye of an earlier callee, which a number for a process id gives away.</summary>
    private static JsonArray Packets(JsonObject recorded) =>
        [.. recorded["packets"]!.AsArray().Where(p => !IsGoodbye(p!)).Select(p => p!.DeepClone())];

    private static bool IsGoodbye(JsonNode packet) =>
        PacketText.Of(packet.AsObject(), t => t).Contains(" SRV 1 1 0 ", StringComparison.Ordinal);

    private static async Task StartLateAsync(MdnsBench bench)
    {
        await Task.Delay(TimeSpan.FromSeconds(2));
        bench.Start("callee", "callee", hasApp: true);
    }

    /// <summary>One after the other at their moments, or, where they are numbered, together or 200 ms apart.</summary>
    private static async Task<JsonNode[]> ExchangesAsync(MdnsBench bench, JsonObject recorded)
    {
        var wanted = recorded["exchanges"]!.AsArray().Select(e => e!.AsObject()).ToList();
        var name = CaseFile.NameOf(recorded);
        var target = name.StartsWith("unknown", StringComparison.Ordinal) ? "nobody" : "callee";
        var start = Clock.Now;
        if (wanted[0]["n"] is not null)
        {
            var apart = name.EndsWith("200ms-apart", StringComparison.Ordinal) ? 0.2 : 0;
            return await Task.WhenAll(wanted.Select(async (e, i) =>
            {
                await Task.Delay(TimeSpan.FromSeconds(i * apart));
                return await ExchangeAsync(bench, e, target);
            }));
        }

        var exchanges = new List<JsonNode>();
        foreach (var exchange in wanted)
        {
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, start + (exchange["at_ms"]!.GetValue<double>() / 1000) - Clock.Now)));
            exchanges.Add(await ExchangeAsync(bench, exchange, exchange["target"]?.GetValue<string>() ?? target));
        }

        return [.. exchanges];
    }

    private static async Task<JsonNode> ExchangeAsync(MdnsBench bench, JsonObject wanted, string target)
    {
        var exchange = wanted.DeepClone().AsObject();
        var begun = Clock.Now;
        var result = await bench.CallAsync("caller", target, wanted["result"]);
        exchange["took_ms"] = MdnsBench.Took(wanted["took_ms"]!, begun);
        exchange["result"] = wanted["result"] is JsonValue ? result["status"]?.DeepClone() : result;
        return exchange;
    }
}
