using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>
/// A caller and a callee; one of them (<c>subject</c>) is told to stop, perhaps while a call is in flight: what is open and answered from
/// then on, how the call ends, how the process ends.
/// </summary>
internal static partial class LifecycleShutdownReplay
{
    private const string Answer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";
    private static readonly TimeSpan CallIsInFlight = TimeSpan.FromMilliseconds(400);
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan AfterExit = TimeSpan.FromMilliseconds(900);
    private static readonly TimeSpan SignalPatience = TimeSpan.FromSeconds(1.5);

    [GeneratedRegex(@"(SIG\w+) after (\d+) ms")]
    private static partial Regex SecondSignal();

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(settings, file, r));
        }
    }

    private static async Task<JsonObject> RunAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await using var topology = new Topology(settings, file, CaseFile.NameOf(recorded));
        var health = 200;
        topology.App.Quiet["/healthz"] = _ => Task.FromResult<string?>($"HTTP/1.1 {health} X\r\nContent-Length: 0\r\n\r\n");
        topology.App.Start();
        var subject = recorded["subject"]?.GetValue<string>() ?? "caller";
        var flags = recorded["flags"] as JsonArray ?? [];
        foreach (var key in new[] { "callee", "caller" })
        {
            topology.StartSidecar(new RecordedProcess(
                key, new JsonObject { ["app_id"] = key, ["app"] = key == "callee", ["flags"] = key == subject ? flags.DeepClone() : new JsonArray() }));
        }

        await topology.ReadyAsync("callee");
        await topology.ReadyAsync("caller");
        await GetAsync(topology, "caller", "/v1.0/invoke/callee/method/x");
        return recorded["SIGQUIT"] is not null ? await OtherSignalsAsync(topology, recorded)
            : recorded["still_running"] is not null ? await RefusedShutdownsAsync(topology)
            : await StopAsync(topology, topology.Sidecars[subject], recorded, () => health = 500);
    }

    private static async Task<JsonObject> StopAsync(Topology topology, SidecarProcess subject, JsonObject recorded, Action turnUnhealthy)
    {
        var inFlight = StartCall(topology, recorded);
        if (inFlight is not null)
        {
            await Task.Delay(CallIsInFlight);
        }

        var start = Clock.Now;
        var logged = subject.Log.Length;
        await using var probe = new LifecycleProbe(start, topology.Placeholders.Seen);
        var actual = await TellAsync(topology, subject, recorded);
        Watch(probe, topology, subject, recorded["timelines"]!.AsObject());
        var second = SecondAsync(subject, recorded);
        if (recorded["note"] is not null)
        {
            await Task.Delay(TimeSpan.FromSeconds(1));
            turnUnhealthy();
        }

        var ended = await subject.EndedWithinAsync(ExitPatience);
        var endMs = (Clock.Now - start) * 1000;
        await second;
        await Task.Delay(AfterExit);
        actual["exit_code"] = ended ? subject.ExitCode : null;
        actual["exit_after_ms"] = Math.Round(endMs);
        if (inFlight is not null)
        {
            var answer = await inFlight;
            var took = answer["marks"]!["done"]!.GetValue<double>() * 1000;
            answer.Remove("marks");
            actual["in_flight_call"] = new JsonObject { ["answer"] = answer, ["took_ms"] = Math.Round(took) };
        }

        actual["timelines"] = await probe.ComparedAsync(recorded["timelines"]!.AsObject(), recorded["exit_after_ms"]!.GetValue<double>());
        actual["log"] = LogLines.Compared(recorded["log"]!.AsArray(), LogLines.Read(topology.Placeholders.Seen(subject.Log[logged..])));
        foreach (var name in new[] { "subject", "flags", "event", "app_takes_s", "second_signal" }.Where(recorded.ContainsKey))
        {
            actual[name] = recorded[name]?.DeepClone();
        }

        return topology.Placeholders.Seen(actual);
    }

    /// <summary>The first request to the app is the one in flight; later ones are answered at once.</summary>
    private static Task<JsonObject>? StartCall(Topology topology, JsonObject recorded)
    {
        if (recorded["app_takes_s"] is not { } takes)
        {
            return null;
        }

        JsonArray slow = takes is JsonValue v && v.TryGetValue<double>(out var seconds)
            ? [new JsonObject { ["sleep"] = seconds }, new JsonObject { ["text"] = Answer }]
            : Streamed();
        topology.App.Expect([slow, new JsonArray(new JsonObject { ["text"] = Answer })]);
        return RawClient.CallAsync(
            new RawCall
            {
                To = topology.Address("caller", "127.0.0.1"),
                Steps = [new JsonObject { ["text"] = "GET /v1.0/invoke/callee/method/x HTTP/1.1\r\nHost: localhost\r\n\r\n" }],
                Patience = TimeSpan.FromSeconds(20),
                EndIsExpected = recorded["in_flight_call"]?["answer"]?["connection"]?.GetValue<string>() == "closed",
            },
            topology.Rendezvous);
    }

    /// <summary>Six pieces of ten bytes, one every 0.3 s.</summary>
    private static JsonArray Streamed()
    {
        var steps = new JsonArray(new JsonObject { ["text"] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n" });
        for (var i = 0; i < 6; i++)
        {
            steps.Add((JsonNode)new JsonObject { ["text"] = "a\r\naaaaaaaaaa\r\n" });
            steps.Add((JsonNode)new JsonObject { ["sleep"] = 0.3 });
        }

        steps.Add((JsonNode)new JsonObject { ["text"] = "0\r\n\r\n" });
        return steps;
    }

    private static async Task<JsonObject> TellAsync(Topology topology, SidecarProcess subject, JsonObject recorded)
    {
        var what = recorded["event"]!.GetValue<string>();
        if (what != "shutdown API")
        {
            subject.Signal(SignalOf(what));
            return [];
        }

        var name = CaseFile.NameOf(recorded);
        var force = name switch
        {
            "api-shutdown-force" => "dapr-force-shutdown: true\r\n",
            "api-shutdown-force-upper" => "Dapr-Force-Shutdown: TRUE\r\n",
            "api-shutdown-force-false" => "dapr-force-shutdown: false\r\n",
            _ => "",
        };
        var body = name.Contains("with-body", StringComparison.Ordinal) ? "Content-Length: 2\r\n\r\n{}" : "\r\n";
        var answer = await RawClient.CallAsync(
            new RawCall
            {
                To = topology.Address("caller", "127.0.0.1"),
                Steps = [new JsonObject { ["text"] = $"POST /v1.0/shutdown HTTP/1.1\r\nHost: localhost\r\n{force}{body}" }],
                EndIsExpected = recorded["shutdown_call"]?["connection"]?.GetValue<string>() == "closed",
            },
            topology.Rendezvous);
        answer.Remove("marks");
        return new JsonObject { ["shutdown_call"] = answer };
    }

    private static async Task SecondAsync(SidecarProcess subject, JsonObject recorded)
    {
        if (recorded["second_signal"]?.GetValue<string>() is { } text && SecondSignal().Match(text) is { Success: true } match)
        {
            await Task.Delay(int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
            subject.Signal(SignalOf(match.Groups[1].Value));
        }
    }

    private static void Watch(LifecycleProbe probe, Topology topology, SidecarProcess subject, JsonObject timelines)
    {
        var ports = subject.Ports;
        foreach (var (name, port) in ports.All)
        {
            probe.WatchPort($"{name.ToLowerInvariant()}_port", port);
        }

        probe.WatchPath("outbound", ports.Http, "/v1.0/healthz/outbound");
        probe.WatchPath("healthz", ports.Http, "/v1.0/healthz");
        if (timelines.ContainsKey("new_call_through_caller"))
        {
            probe.WatchPath("new_call_through_caller", topology.Sidecars["caller"].Ports.Http, "/v1.0/invoke/callee/method/x");
        }
    }

    private static async Task<JsonObject> OtherSignalsAsync(Topology topology, JsonObject recorded)
    {
        var actual = new JsonObject();
        foreach (var (name, _) in recorded.Where(p => p.Key.StartsWith("SIG", StringComparison.Ordinal)))
        {
            var sidecar = topology.Sidecars["caller"];
            if (sidecar.HasEnded)
            {
                await topology.CrashesAsync();
                sidecar = topology.Sidecars["caller"];
            }

            sidecar.Signal(SignalOf(name));
            actual[name] = new JsonObject { ["exit_code"] = await sidecar.EndedWithinAsync(SignalPatience) ? sidecar.ExitCode : null };
        }

        return actual;
    }

    private static async Task<JsonObject> RefusedShutdownsAsync(Topology topology)
    {
        var get = await AskAsync("caller", "GET");
        var post = await AskAsync("caller_public", "POST");
        return topology.Placeholders.Seen(new JsonObject
        {
            ["GET_on_main_port"] = get,
            ["POST_on_public_port"] = post,
            ["still_running"] = !await topology.Sidecars["caller"].EndedWithinAsync(SignalPatience),
        });

        async Task<JsonObject> AskAsync(string to, string method)
        {
            var answer = await RawClient.CallAsync(
                new RawCall { To = topology.Address(to, "127.0.0.1"), Steps = [new JsonObject { ["text"] = $"{method} /v1.0/shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n" }] },
                topology.Rendezvous);
            answer.Remove("marks");
            return answer;
        }
    }

    private static Task<JsonObject> GetAsync(Topology topology, string to, string path) => RawClient.CallAsync(
        new RawCall { To = topology.Address(to, "127.0.0.1"), Steps = [new JsonObject { ["text"] = $"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" }] },
        topology.Rendezvous);

    private static int SignalOf(string name) => name switch
    {
        "SIGTERM" => SidecarProcess.SigTerm,
        "SIGINT" => SidecarProcess.SigInt,
        "SIGQUIT" => SidecarProcess.SigQuit,
        "SIGUSR1" => SidecarProcess.SigUsr1,
        "SIGPIPE" => SidecarProcess.SigPipe,
        _ => throw new InvalidOperationException($"no signal {name}"),
    };
}
