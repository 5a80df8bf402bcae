using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>The app of a topology, of either kind, as the recordings script it: steps, <c>OK: …</c>, <c>down</c>.</summary>
internal sealed class RecordedApp(GrpcTopology topology, bool isGrpc)
{
    private bool _isUp;

    public void Start()
    {
        if (_isUp)
        {
            return;
        }

        _isUp = true;
        if (isGrpc)
        {
            topology.GrpcApp.Start();
        }
        else
        {
            topology.HttpApp.Start();
        }
    }

    public void Expect(JsonNode? script)
    {
        if (script is JsonValue v && v.GetValue<string>() == "down")
        {
            topology.GrpcApp.Stop();
            topology.HttpApp.Stop();
            _isUp = false;
        }
        else
        {
            Start();
        }

        topology.GrpcApp.Expect(script is JsonArray ? topology.Fill(script) : null);
        topology.HttpApp.Expect(script is JsonArray ? topology.Fill(script) : null);
    }

    /// <summary>What the app saw, with what the recording notes of such a call.</summary>
    public async Task<JsonArray> SeenAsync(JsonArray recorded, TimeSpan patience)
    {
        if (!isGrpc)
        {
            return await topology.HttpApp.SeenAsync(recorded.Count, patience);
        }

        var wantsReset = recorded.Any(r => r!["reset"] is not null);
        var seen = await topology.GrpcApp.SeenAsync(recorded.Count, patience, wantsReset ? calls => calls.Any(c => c!["reset"] is not null) : null);
        foreach (var call in seen)
        {
            foreach (var name in new[] { "method", "message_count", "conn_no", "at_second" })
            {
                call!.AsObject().Remove(name);
            }
        }

        return seen;
    }
}
