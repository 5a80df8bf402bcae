using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>
/// What a sidecar sends by multicast DNS from its start to its end (<c>app_id</c>), at its end (<c>goodbye-…</c>), and for one
/// hand-made question (<c>query-…</c>).
/// </summary>
internal static class MdnsServerReplay
{
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(6);

    /// <summary>Daprd says goodbye within 30 ms, and answers within a few.</summary>
    private static readonly TimeSpan PacketsPatience = TimeSpan.FromMilliseconds(300);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        var queries = file.Cases.Where(c => c["query_hex"] is not null).ToList();
        foreach (var recorded in file.Cases.Except(queries))
        {
            await runCase(file, recorded, r => CaseFile.NameOf(r) switch
            {
                "goodbye-how-often" => HowOftenAsync(settings, file, r),
                "goodbye-by-age" => ByAgeAsync(settings, file, r),
                _ => LifeAsync(settings, file, r),
            });
        }

        await using var bench = await MdnsBench.StartAsync(settings, file, "queries");
        bench.Topology.App.Start();
        var callee = bench.Start("callee", "callee", hasApp: true);
        bench.Topology.Placeholders.Add("PID", callee.Id);
        await bench.Topology.ReadyAsync("callee");
        await bench.AnnouncedAsync(callee);
        foreach (var recorded in queries)
        {
            await runCase(file, recorded, r => AskAsync(bench, r));
        }
    }

    private static async Task<JsonObject> LifeAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await using var bench = await MdnsBench.StartAsync(settings, file, CaseFile.NameOf(recorded));
        bench.Topology.App.Start();
        var start = Clock.Now;
        var callee = bench.Start("callee", recorded["app_id"]!.GetValue<string>(), hasApp: true, recorded["flags"], recorded["env"]);
        bench.Topology.Placeholders.Add("PID", callee.Id);
        var actual = recorded.DeepClone().AsObject();
        actual["healthy"] = await IsHealthyAsync(bench, callee);
        if (!callee.HasEnded)
        {
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, (recorded["stop_at_ms"]!.GetValue<double>() / 1000) - (Clock.Now - start))));
            var isKilled = CaseFile.NameOf(recorded).StartsWith("sigkill", StringComparison.Ordinal);
            callee.Signal(isKilled ? SidecarProcess.SigKill : SidecarProcess.SigTerm);
        }

        // What a signal ended has 128 more than the signal here, and the negative signal in the recording.
        var hasEnded = await callee.EndedWithinAsync(ExitPatience);
        actual["exit_code"] = !hasEnded ? null : callee.ExitCode > 128 ? 128 - callee.ExitCode : callee.ExitCode;
        await Task.Delay(PacketsPatience);
        actual["packets"] = MdnsBench.Compared(recorded["packets"]!.AsArray(), SentOn(bench), bench.Topology.Placeholders.Fill);

        // Lines without a scope are printed by a library of daprd's: they count as there.
        var log = recorded["log"]!.AsArray();
        var ofLibrary = log.Select(l => l!.GetValue<string>()).Where(l => !l.Contains(" | ", StringComparison.Ordinal));
        actual["log"] = LogLines.Compared(log, [.. LogLines.Read(bench.Topology.Placeholders.Seen(callee.Log)), .. ofLibrary]);
        return actual;
    }

    private static async Task<bool> IsHealthyAsync(MdnsBench bench, SidecarProcess callee)
    {
        try
        {
            await bench.Topology.ReadyAsync("callee");
            return true;
        }
        catch (InvalidOperationException) when (callee.HasEnded)
        {
            return false;
        }
    }

    /// <summary>Several sidecars stopped in turn by SIGINT and SIGTERM: the TTLs of what each sends from the signal on.</summary>
    private static async Task<JsonObject> HowOftenAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await using var bench = await MdnsBench.StartAsync(settings, file, CaseFile.NameOf(recorded));
        bench.Topology.App.Start();
        var wanted = recorded["packets_per_stop"]!.AsArray();
        var callees = wanted.Select((_, i) => bench.Start($"callee{i}", "callee", hasApp: true)).ToList();
        await Task.WhenAll(callees.Select((_, i) => bench.Topology.ReadyAsync($"callee{i}")));
        await Task.WhenAll(callees.Select(bench.AnnouncedAsync));
        var seen = new JsonArray();
        for (var i = 0; i < callees.Count; i++)
        {
            var (packets, _) = await StopAsync(bench, callees[i], i % 2 == 0 ? SidecarProcess.SigInt : SidecarProcess.SigTerm);
            seen.Add((JsonNode)new JsonArray([.. packets.Select(Ttls)]));
        }

        return new JsonObject { ["packets_per_stop"] = seen };
    }

    /// <summary>Sidecars stopped by SIGTERM at different ages.</summary>
    private static async Task<JsonObject> ByAgeAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await using var bench = await MdnsBench.StartAsync(settings, file, CaseFile.NameOf(recorded));
        bench.Topology.App.Start();
        var start = Clock.Now;
        var wanted = recorded["stops"]!.AsArray();
        var callees = wanted.Select((_, i) => bench.Start($"callee{i}", "callee", hasApp: true)).ToList();
        var seen = new JsonArray();
        for (var i = 0; i < callees.Count; i++)
        {
            var age = wanted[i]!["age_s"]!.GetValue<double>();
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, start + age - Clock.Now)));
            var (packets, exit) = await StopAsync(bench, callees[i], SidecarProcess.SigTerm);
            seen.Add((JsonNode)new JsonObject
            {
                ["age_s"] = age,
                ["exit_ms"] = exit,
                ["response_packets_after_signal"] = new JsonArray(
                    [.. packets.Select(p => (JsonNode)new JsonObject { ["at_ms"] = 0, ["family"] = p.Family, ["ttls"] = Ttls(p) })]),
            });
        }

        return new JsonObject { ["stops"] = seen };
    }

    private static async Task<(IReadOnlyList<SentPacket> Packets, double ExitMs)> StopAsync(
        MdnsBench bench, SidecarProcess callee, int signal)
    {
        bench.Capture.Clear();
        var start = Clock.Now;
        callee.Signal(signal);
        await callee.EndedWithinAsync(ExitPatience);
        var exit = Math.Round((Clock.Now - start) * 1000);
        await Task.Delay(PacketsPatience);

        // Each family once, whatever else the others say in the meantime.
        // A probe or an announcement may just have been on its way; nothing but its goodbye follows its goodbye.
        var responses = SentOn(bench).Where(p =>
            p.Kind!.Contains(" flags 0x8", StringComparison.Ordinal) && p.Kind.Contains($":{callee.Id}.", StringComparison.Ordinal));
        var own = responses.SkipWhile(p => !p.Kind!.Contains(" SRV 1 1 0 ", StringComparison.Ordinal));
        return ([.. own.DistinctBy(p => p.Kind).OrderBy(p => p.Family, StringComparer.Ordinal)], exit);
    }

    private static async Task<JsonObject> AskAsync(MdnsBench bench, JsonObject recorded)
    {
        var question = QuestionOf(bench, recorded);
        var fromPort = recorded["sent_from_port"]!.ToString() == "5353" ? 5353 : 0;
        using var asker = new AskingSocket(fromPort);
        bench.Capture.Clear();
        var to = bench.Topology.Placeholders.Fill(recorded["sent_to"]!.GetValue<string>());
        await asker.SendAsync(question, IPEndPoint.Parse(to));
        await Task.Delay(PacketsPatience);
        var sent = SentOn(bench).Where(p => !p.Payload.AsSpan().SequenceEqual(question)).ToList();
        var received = await asker.TakeAsync();

        var actual = recorded.DeepClone().AsObject();
        actual["packets"] = MdnsBench.Compared(recorded["packets"]!.AsArray(), sent, bench.Topology.Placeholders.Fill);
        var wanted = recorded["received_on_asking_socket"]!.AsArray();
        var texts = received.Select(p => PacketText.Of(p)).ToList();
        if (!wanted.Select(p => PacketText.Of(p!.AsObject(), bench.Topology.Placeholders.Fill)).SequenceEqual(texts))
        {
            actual["received_on_asking_socket"] = new JsonArray([.. texts.Select(t => (JsonNode?)t)]);
        }

        // How often it is copied counts packets.
        if (!sent.Select(p => p.Payload).Concat(received).All(p => p.AsSpan(0, 2).SequenceEqual(question.AsSpan(0, 2))))
        {
            actual["id_copied"] = new JsonArray(false);
        }

        return actual;
    }

    /// <summary>The recorded bytes, except where they name the recorded process or host.</summary>
    private static byte[] QuestionOf(MdnsBench bench, JsonObject recorded)
    {
        var bytes = Convert.FromHexString(recorded["query_hex"]!.GetValue<string>());
        return recorded["query"] is JsonObject query && query.ToJsonString().Contains("{{", StringComparison.Ordinal)
            ? QueryWriter.Write(bytes.AsSpan(0, 12), query, bench.Topology.Placeholders.Fill)
            : bytes;
    }

    private static IEnumerable<SentPacket> SentOn(MdnsBench bench) => bench.Capture.Take().Where(p => p.Interface == MdnsBench.Interface);

    /// <summary>Of each record: the sixth word of its line.</summary>
    private static JsonArray Ttls(SentPacket packet) =>
        [.. packet.Kind!.Split('\n').Skip(1).Select(line => (JsonNode)int.Parse(line.Split(' ')[5], CultureInfo.InvariantCulture))];
}
