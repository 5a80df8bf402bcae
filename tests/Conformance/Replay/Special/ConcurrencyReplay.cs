using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Several clients at once; when each was done is the result.</summary>
internal static class ConcurrencyReplay
{
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new Topology(settings, file);
        await topology.StartAsync();
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(topology, r));
        }
    }

    private static async Task<JsonObject> RunAsync(Topology topology, JsonObject recorded)
    {
        topology.App.Expect(topology.Placeholders.Fill(recorded["app"]));
        var clients = await Task.WhenAll(recorded["clients"]!.AsArray().Select(c => ClientAsync(topology, c!.AsObject())));
        var seen = await topology.App.SeenAsync(recorded["app_saw"]!.AsArray().Count, AppPatience);
        return topology.Placeholders.Seen(new JsonObject
        {
            ["clients"] = new JsonArray(clients),
            ["app_saw"] = new JsonArray([.. seen.Select(s => new JsonObject { ["request_line"] = s!["request_line"]!.DeepClone(), ["body"] = s["body"]!.DeepClone() })]),
        });
    }

    private static async Task<JsonNode> ClientAsync(Topology topology, JsonObject client)
    {
        await Task.Delay(TimeSpan.FromSeconds(client["start_after"]!.GetValue<double>()));
        var to = client["request"]!.ToJsonString().Contains("healthz", StringComparison.Ordinal) ? "callee" : topology.DefaultTarget;
        var answer = await RawClient.CallAsync(
            new RawCall { To = topology.Address(to, "127.0.0.1"), Steps = topology.Placeholders.Fill(client["request"])! }, topology.Rendezvous);
        answer["done_after_start_s"] = answer["marks"]!["done"]!.DeepClone();
        answer.Remove("marks");
        return answer;
    }
}
