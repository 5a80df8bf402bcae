using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>A callee whose app speaks HTTP/2 without TLS.</summary>
internal static class H2cAppReplay
{
    private static readonly H2cAnswer Default = new([(":status", "200"), ("content-type", "text/plain")], "ok"u8.ToArray());

    /// <summary>The fixture's notes describe the answers that are not the default.</summary>
    private static readonly Dictionary<string, H2cAnswer> Answers = new()
    {
        ["h2c answer with content-length and headers"] = new(
            [(":status", "201"), ("content-length", "2"), ("x-a", "1"), ("x-a", "2"), ("set-cookie", "a=b")], "ok"u8.ToArray()),
        ["h2c answer 404"] = new([(":status", "404"), ("content-type", "text/plain")], "no"u8.ToArray()),
        ["h2c answer trailers"] = new([(":status", "200")], "ok"u8.ToArray(), [("x-t", "1")]),
        ["h2c answer 204"] = new([(":status", "204")], []),
        ["h2c answer headers 6000"] = new([(":status", "200"), ("x-big", new string('v', 6000))], "ok"u8.ToArray()),
    };

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var topology = new Topology(settings, file);
        using var app = new H2cApp(topology.App.Port);
        await topology.StartSidecarsAsync();
        var replay = new CaseReplay(topology);
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, async r =>
            {
                app.Answer = Answers.GetValueOrDefault(CaseFile.NameOf(r), Default);
                app.TakeSeen();
                var waited = r.DeepClone().AsObject();
                waited.Remove("app_saw");
                var actual = await replay.RunAsync(waited);
                actual["app_saw"] = app.TakeSeen();
                return topology.Placeholders.Seen(actual);
            });
        }
    }
}
