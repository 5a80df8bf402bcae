using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Http;
using FastSidecar.Conformance.Http2;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>A raw HTTP/2 client on the HTTP API port: with prior knowledge, or by <c>Upgrade: h2c</c>.</summary>
internal static class Http2IngressReplay
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Settle = TimeSpan.FromMilliseconds(30);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new Topology(settings, file);
        await topology.StartAsync();
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, async r =>
            {
                topology.App.Expect(topology.Placeholders.Fill(r["app"]));
                var to = topology.Address(r["to"]?.GetValue<string>() ?? "caller", "127.0.0.1");
                using var connection = new RawConnection(await RawClient.ConnectAsync(to));
                var answer = r["upgrade_request"] is { } upgrade
                    ? await UpgradeAsync(connection, topology.Placeholders.Fill(upgrade.GetValue<string>()))
                    : await PriorKnowledgeAsync(connection, r, topology);
                await Task.Delay(Settle);
                answer["app_saw"] = await topology.App.SeenAsync(r["app_saw"]!.AsArray().Count, AppPatience);
                return topology.Placeholders.Seen(answer);
            });
        }
    }

    private static async Task<JsonObject> PriorKnowledgeAsync(RawConnection connection, JsonObject recorded, Topology topology)
    {
        var peer = new Http2Peer(connection);
        try
        {
            await connection.SendAsync(Http2Frame.Preface.ToArray());
            await peer.StartAsync();
            await peer.SendAsync(RequestFrames(recorded, topology));
        }
        catch (IOException)
        {
            // Refused early: what came is still read.
        }

        return await AnswerAsync(connection, peer);
    }

    private static IEnumerable<Http2Frame> RequestFrames(JsonObject recorded, Topology topology)
    {
        var body = recorded["h2_request_body"];
        var trailers = recorded["h2_request_trailers"];
        var frames = Http2Frame.Headers(1, Fields(recorded["h2_request_headers"]!), endStream: body is null && trailers is null);
        if (body is not null)
        {
            frames = frames.Concat(Http2Frame.Data(1, Body(body.AsObject()), endStream: trailers is null));
        }

        return trailers is null ? frames : frames.Concat(Http2Frame.Headers(1, Fields(trailers), endStream: true));

        IEnumerable<(string, string)> Fields(JsonNode list) =>
            topology.Placeholders.Fill(list)!.Select(f => (f![0]!.GetValue<string>(), f[1]!.GetValue<string>()));
    }

    /// <summary>A long body of the recording is one repeated character.</summary>
    private static byte[] Body(JsonObject body) => body["length"] is { } length
        ? Encoding.Latin1.GetBytes(new string(body["start"]!.GetValue<string>()[0], length.GetValue<int>()))
        : Encoding.Latin1.GetBytes(body["text"]!.GetValue<string>());

    /// <summary>The upgraded request is stream 1 (RFC 7540 §3.2).</summary>
    private static async Task<JsonObject> UpgradeAsync(RawConnection connection, string request)
    {
        var settings = Convert.ToBase64String(Http2Peer.OwnSettings.Payload).TrimEnd('=').Replace('+', '-').Replace('/', '_');
        await connection.SendAsync(Encoding.Latin1.GetBytes(request.Replace("{{SETTINGS}}", settings, StringComparison.Ordinal)));
        await connection.UntilAsync(() => connection.PeerEnd is not null || connection.Look(r => HttpMessage.FindHeadEnd(r.Span) >= 0), Patience);
        var headEnd = connection.Look(r => HttpMessage.FindHeadEnd(r.Span));
        if (headEnd < 0)
        {
            return new JsonObject { ["connection"] = connection.PeerEnd ?? "no-answer-yet" };
        }

        var head = Encoding.Latin1.GetString(connection.Received().AsSpan(0, headEnd)).Split("\r\n");
        connection.Consume(headEnd + 4);
        var result = new JsonObject { ["upgrade_answer"] = new JsonArray([.. head.Select(l => (JsonNode)l)]) };
        if (!head[0].Contains("101", StringComparison.Ordinal))
        {
            await connection.UntilAsync(() => connection.PeerEnd is not null, TimeSpan.FromMilliseconds(100));
            result["rest"] = RecordedBody.Of(connection.Received());
            return result;
        }

        var peer = new Http2Peer(connection);
        await connection.SendAsync(Http2Frame.Preface.ToArray());
        await peer.StartAsync();
        foreach (var (name, value) in (await AnswerAsync(connection, peer)).ToList())
        {
            result[name] = value?.DeepClone();
        }

        return result;
    }

    private static async Task<JsonObject> AnswerAsync(RawConnection connection, Http2Peer peer)
    {
        var stream = peer.Stream(1);
        var ended = await peer.ReadUntilAsync(() => stream.IsOver || peer.GoAway is not null, Patience);
        var result = new JsonObject();
        if (peer.Settings is not null)
        {
            result["settings"] = peer.Settings.DeepClone();
        }

        if (stream.Headers is not null)
        {
            result["headers"] = Pairs(stream.Headers);
        }

        if (stream.Reset is { } reset)
        {
            result["reset"] = reset;
        }

        if (peer.GoAway is { } goAway)
        {
            result["goaway"] = goAway;
        }

        result["body"] = RecordedBody.Of(stream.Body.ToArray());
        if (stream.Trailers is not null)
        {
            result["trailers"] = Pairs(stream.Trailers);
        }

        if (!ended)
        {
            result["connection"] = connection.PeerEnd switch { "fin" => "closed", "rst" => "reset", null => "no-answer-yet", var other => other };
        }

        return result;
    }

    private static JsonArray Pairs(IEnumerable<(string Name, string Value)> fields) => new([.. fields.Select(f => new JsonArray(f.Name, f.Value))]);
}
