using System.Net.Sockets;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay;

/// <summary>Runs one recorded request on a bench and says what client and app saw, in the form of the fixtures.</summary>
internal sealed class CaseReplay(ICaseBench bench)
{
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(30);
    private static readonly TimeSpan SettleWatched = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(2);

    private readonly PerturbedClient _client = new(bench.Perturbation, bench.Rendezvous);
    private JsonObject? _before;

    public async Task<JsonObject> RunAsync(JsonObject recorded)
    {
        var first = bench.Perturbation.Pipelines && _before is { } before && PipelinedCase.CanFollow(before, recorded) ? before : null;
        _before = PipelinedCase.CanBeFirst(recorded) ? recorded : null;
        if (first is null)
        {
            return await ReplayAsync(recorded);
        }

        var answer = await ReplayAsync(PipelinedCase.Of(first, recorded));
        PipelinedCase.RemoveFirst(answer);
        return answer;
    }

    private async Task<JsonObject> ReplayAsync(JsonObject recorded)
    {
        var isOutside = recorded["at"]?.GetValue<string>() == "ext";
        var (app, other) = isOutside ? (bench.Outside, bench.App) : (bench.App, bench.Outside);
        bench.Rendezvous.Clear();
        other.Expect(null);
        if (recorded["fresh"]?.GetValue<bool>() == true)
        {
            app.EndConnections();
            await Task.Delay(50);
        }

        if (recorded["warm"] is { } warm)
        {
            app.Expect(null);
            await CallAsync(recorded, WarmSteps(warm));
        }

        app.Expect(bench.Perturbation.App(CaseFile.NameOf(recorded), bench.Placeholders.Fill(recorded["app"])));
        var answer = await CallAsync(recorded, bench.Placeholders.Fill(recorded["request"])!);
        await Task.Delay(IsWatched(recorded) ? SettleWatched : Settle);
        answer["app_saw"] = await app.SeenAsync(recorded["app_saw"]?.AsArray().Count ?? 0, AppPatience);
        if (answer["app_saw"]!.AsArray().Count == 0 && recorded["app_saw"] is null)
        {
            answer.Remove("app_saw");
        }

        if (await other.SeenAsync(0, AppPatience) is { Count: > 0 } stray)
        {
            answer[isOutside ? "app_stray" : "ext_saw"] = stray;
        }

        if (await bench.CrashesAsync() is { } crashes)
        {
            answer["process_ended"] = crashes;
        }

        return bench.Placeholders.Seen(answer);
    }

    private JsonArray WarmSteps(JsonNode warm) => warm is JsonArray ? bench.Placeholders.Fill(warm)! : [new JsonObject { ["text"] = bench.Placeholders.Fill(warm.GetValue<string>()) }];

    private async Task<JsonObject> CallAsync(JsonObject recorded, JsonArray steps)
    {
        var to = recorded["to"]?.GetValue<string>() ?? bench.DefaultTarget;
        var host = bench.Placeholders.Fill(recorded["host"]?.GetValue<string>() ?? "127.0.0.1");
        try
        {
            return await _client.CallAsync(
                CaseFile.NameOf(recorded),
                new RawCall
                {
                    To = bench.Address(to, host),
                    Steps = steps,
                    Patience = TimeSpan.FromSeconds(recorded["timeout"]?.GetValue<double>() ?? 8),
                    Expect = recorded["expect"]?.GetValue<int>() ?? 1,
                    Methods = recorded["methods"] is JsonArray methods ? [.. methods.Select(m => m!.GetValue<string>())] : null,
                    IsHttp1Only = to.EndsWith("_public", StringComparison.Ordinal),
                    EndIsExpected = recorded["connection"]?.GetValue<string>() is "closed" or "reset",
                });
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return new JsonObject { ["responses"] = new JsonArray(), ["connection"] = "refused: Connection refused" };
        }
    }

    /// <summary>The app watches how the sidecar ends its connection: that takes a little longer than the answer.</summary>
    private static bool IsWatched(JsonObject recorded)
    {
        var text = recorded.ToJsonString();
        return text.Contains("watch_close", StringComparison.Ordinal) || text.Contains("peer_end", StringComparison.Ordinal);
    }
}
