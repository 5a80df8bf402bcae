using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Ways to stop: each case has a fresh sidecar with an app, perhaps a call in flight, and then a request or a signal.</summary>
internal static partial class ShutdownReplay
{
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(20);

    /// <summary>A process that outlives this after SIGHUP stays (the recording waited 20 s).</summary>
    private static readonly TimeSpan StayPatience = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan CallIsInFlight = TimeSpan.FromMilliseconds(400);

    [GeneratedRegex(@"GET (\S+), answered by the app after (\d+) s")]
    private static partial Regex InFlight();

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(settings, file, r));
        }
    }

    private static async Task<JsonObject> RunAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await using var topology = new Topology(settings, file);
        topology.App.Start();
        var sidecar = topology.StartSidecar(new RecordedProcess("self", new JsonObject { ["app_id"] = "self", ["app"] = true, ["flags"] = recorded["flags"]!.DeepClone() }));
        await topology.ReadyAsync("self");
        var inFlight = StartCall(topology, recorded);
        if (inFlight is not null)
        {
            await Task.Delay(CallIsInFlight);
        }

        var actual = new JsonObject();
        if (recorded["request"] is { } request)
        {
            var answer = await RawClient.CallAsync(
                new RawCall
                {
                    To = topology.Address("self", "127.0.0.1"),
                    Steps = topology.Placeholders.Fill(request)!,
                    Expect = recorded["responses"]!.AsArray().Count,
                    EndIsExpected = recorded["connection"]?.GetValue<string>() == "closed",
                },
                topology.Rendezvous);
            actual["responses"] = answer["responses"]!.DeepClone();
            actual["connection"] = answer["connection"]!.DeepClone();
        }
        else
        {
            sidecar.Signal(SignalOf(CaseFile.NameOf(recorded)));
        }

        if (recorded["running_after_20_s"] is not null)
        {
            actual["running_after_20_s"] = !await sidecar.EndedWithinAsync(StayPatience);
        }
        else if (await sidecar.EndedWithinAsync(ExitPatience))
        {
            actual["exit_code"] = sidecar.ExitCode;
        }

        if (inFlight is not null)
        {
            var result = await inFlight;
            result.Remove("marks");
            actual["in_flight_result"] = result;
            actual["in_flight"] = recorded["in_flight"]!.DeepClone();
        }

        return topology.Placeholders.Seen(actual);
    }

    private static Task<JsonObject>? StartCall(Topology topology, JsonObject recorded)
    {
        if (recorded["in_flight"] is not { } text)
        {
            return null;
        }

        var match = InFlight().Match(text.GetValue<string>());
        topology.App.Expect(
        [
            new JsonObject { ["sleep"] = double.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) },
            new JsonObject { ["text"] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" },
        ]);
        return RawClient.CallAsync(
            new RawCall
            {
                To = topology.Address("self", "127.0.0.1"),
                Steps = [new JsonObject { ["text"] = $"GET {match.Groups[1].Value} HTTP/1.1\r\nHost: localhost\r\n\r\n" }],
                EndIsExpected = true,
            },
            topology.Rendezvous);
    }

    private static int SignalOf(string name) => name switch
    {
        "SIGTERM" => SidecarProcess.SigTerm,
        "SIGINT" => SidecarProcess.SigInt,
        "SIGHUP" => SidecarProcess.SigHup,
        _ => throw new InvalidOperationException($"no signal {name}"),
    };
}
