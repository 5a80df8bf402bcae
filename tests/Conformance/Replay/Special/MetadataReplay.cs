using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>
/// Metadata reads and writes in their order; the bodies are recorded parsed, and once, after all writes, as bytes. What is read at the
/// end shows writes that are not among the recorded cases: they are made here.
/// </summary>
internal static class MetadataReplay
{
    private static readonly (string To, string Key, string Value)[] UnlistedWrites =
        [("bare", "k3", ""), ("bare", "a%2520b", "t"), ("bare", "a%2Fb", "r"), ("bare", "qq?x=1", "x"), ("bare_public", "pub", "x")];

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        var withProcesses = CaseFile.Load("http/metadata");
        await using var topology = new Topology(settings, withProcesses);
        topology.App.Quiet["/hc"] = _ => Task.FromResult<string?>("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await topology.StartAsync();
        var replay = new CaseReplay(topology);
        if (file.Name != withProcesses.Name)
        {
            foreach (var before in withProcesses.Cases)
            {
                await replay.RunAsync(before);
            }

            await WriteUnlistedAsync(replay);
        }

        foreach (var recorded in file.Cases)
        {
            if (CaseFile.NameOf(recorded) == "get after puts")
            {
                await WriteUnlistedAsync(replay);
            }

            await runCase(file, recorded, async r => Parsed(r, await replay.RunAsync(r)));
        }
    }

    private static async Task WriteUnlistedAsync(CaseReplay replay)
    {
        foreach (var (to, key, value) in UnlistedWrites)
        {
            var text = $"PUT /v1.0/metadata/{key} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {value.Length}\r\n\r\n{value}";
            await replay.RunAsync(new JsonObject { ["name"] = key, ["to"] = to, ["request"] = new JsonArray(new JsonObject { ["text"] = text }) });
        }
    }

    private static JsonObject Parsed(JsonObject recorded, JsonObject actual)
    {
        foreach (var (want, got) in recorded["responses"]!.AsArray().Zip(actual["responses"]!.AsArray()))
        {
            if (want!["json_key_order"] is not null && TryParse(got!["body"]!.AsObject()) is { } body)
            {
                got["json_key_order"] = new JsonArray([.. body.Select(p => (JsonNode)p.Key)]);
                if (body["enabledFeatures"] is JsonArray features)
                {
                    body["enabledFeatures"] = new JsonArray([.. features.Select(f => f!.GetValue<string>()).Order(StringComparer.Ordinal).Select(f => (JsonNode)f)]);
                }

                got["body"] = new JsonObject { ["json"] = body };
            }
        }

        return actual;
    }

    private static JsonObject? TryParse(JsonObject body)
    {
        var bytes = body["text"] is { } text ? Encoding.UTF8.GetBytes(text.GetValue<string>()) : Convert.FromBase64String(body["b64"]?.GetValue<string>() ?? "");
        try
        {
            return JsonNode.Parse(bytes) as JsonObject;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
