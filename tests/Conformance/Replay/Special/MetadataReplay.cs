using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Metadata reads and writes in their order; the bodies are recorded parsed, and once, after all writes, as bytes.</summary>
internal static class MetadataReplay
{
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
        }

        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, async r => Parsed(r, await replay.RunAsync(r)));
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
