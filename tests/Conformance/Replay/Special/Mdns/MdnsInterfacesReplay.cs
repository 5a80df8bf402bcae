using System.Diagnostics;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>
/// A sidecar with an app that calls itself, on a machine whose interfaces are set up as recorded: which address it announces,
/// and where.
/// </summary>
internal static class MdnsInterfacesReplay
{
    private static readonly TimeSpan AfterCall = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(6);

    /// <summary>
    /// Back to the network that <see cref="IsolatedNetwork"/> made, with v0 as the only interface that can do multicast: its
    /// other end, which lies in the same network here, could too.
    /// </summary>
    private const string Reset =
        "ip link del w0 2>/dev/null; ip link set v0 down; ip -6 addr flush dev v0 2>/dev/null; ip -4 addr flush dev v0;"
        + " ip link set v0 multicast on up;"
        + " ip link set v1 multicast off;"
        + " ip addr add " + IsolatedNetwork.HostIp + "/24 dev v0 && ip route replace default dev v0";

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(settings, file, r));
        }
    }

    private static async Task<JsonObject> RunAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        await ShellAsync(Reset);
        foreach (var command in recorded["setup"]!.AsArray())
        {
            var text = command!.GetValue<string>().Replace("{{HOST_IP}}", settings.HostIp, StringComparison.Ordinal);

            // A route may have gone with its interface.
            await ShellAsync(text.StartsWith("ip route del", StringComparison.Ordinal) ? text + " || true" : text);
        }

        var perInterface = recorded["packets_per_interface"]!.AsObject();
        var name = CaseFile.NameOf(recorded);
        List<string> interfaces = [.. perInterface.Where(p => p.Value!.AsArray().Count > 0).Select(p => p.Key)];
        await using var bench = await MdnsBench.StartAsync(settings, file, name, interfaces);
        bench.Topology.App.Start();
        var environment = name.EndsWith("host-ip-127", StringComparison.Ordinal) ? new JsonObject { ["DAPR_HOST_IP"] = "127.0.0.1" } : null;
        var callee = bench.Start("callee", "callee", hasApp: true, environment: environment);
        bench.Topology.Placeholders.Add("PID", callee.Id);
        await bench.Topology.ReadyAsync("callee");
        if (interfaces.Count > 0)
        {
            await bench.AnnouncedAsync(callee);
        }

        var actual = recorded.DeepClone().AsObject();
        actual["self_invocation"] = await bench.CallAsync("callee", "callee", recorded["self_invocation"]);
        await Task.Delay(AfterCall);
        callee.Signal(SidecarProcess.SigTerm);
        actual["exit_code"] = await callee.EndedWithinAsync(ExitPatience) ? callee.ExitCode : null;
        await Task.Delay(TimeSpan.FromMilliseconds(200));
        actual["packets_per_interface"] = Compared(perInterface, bench);
        actual["log"] = LogLines.Compared(recorded["log"]!.AsArray(), LogLines.Read(bench.Topology.Placeholders.Seen(callee.Log)));
        return actual;
    }

    /// <summary>
    /// Per interface the recorded list when the same kinds of packet left by it, else what did. The second interface of the
    /// recording had no usable IPv6 address yet when the probes were sent, so what left by another interface is not too much.
    /// </summary>
    private static JsonObject Compared(JsonObject recorded, MdnsBench bench)
    {
        var sent = bench.Capture.Take();
        var anywhere = recorded.SelectMany(p => Filled(p.Value)).ToHashSet();
        return new JsonObject(recorded.Select(p =>
        {
            var seen = sent.Where(s => s.Interface == p.Key).Select(Summary).ToHashSet();
            var isSame = Filled(p.Value).All(seen.Contains) && seen.IsSubsetOf(anywhere);
            JsonNode result = isSame ? p.Value!.DeepClone() : new JsonArray([.. seen.Order().Select(s => (JsonNode)s)]);
            return KeyValuePair.Create(p.Key, (JsonNode?)result);
        }));

        IEnumerable<string> Filled(JsonNode? texts) =>
            texts!.AsArray().Select(t => bench.Topology.Placeholders.Fill(t!.GetValue<string>()));
    }

    /// <summary>As recorded: what it is, the family it was sent over, the first name in it, and its address records.</summary>
    private static string Summary(SentPacket packet)
    {
        var lines = packet.Kind!.Split('\n');
        var kind = lines[0].EndsWith("flags 0x0000", StringComparison.Ordinal) ? "query/probe" : "response";
        var addresses = lines.Skip(1).Select(l => l.Split(' ')).Where(f => f[2] is "A" or "AAAA").Select(f => f[^1]);
        return $"{kind} {packet.Family} {lines[1].Split(' ')[1]} A={string.Join(',', addresses)}";
    }

    private static async Task ShellAsync(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { RedirectStandardError = true })!;
        var errors = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command}: {errors}");
        }
    }
}
