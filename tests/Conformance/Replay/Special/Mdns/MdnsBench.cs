using System.Globalization;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>Sidecars of one case, the packets they send, and calls through them.</summary>
internal sealed class MdnsBench : IAsyncDisposable
{
    public const string Interface = "v0";
    private const double NearMs = 500;
    private static readonly TimeSpan NetworkPatience = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan AnnouncementPatience = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan CallPatience = TimeSpan.FromSeconds(8);

    private MdnsBench(ReplaySettings settings, CaseFile file, string caseName)
    {
        Topology = new Topology(settings, file, caseName);
    }

    public Topology Topology { get; }

    public PacketCapture Capture { get; } = new();

    /// <summary>Waits until the interfaces of the network are usable; null: the one there is.</summary>
    public static async Task<MdnsBench> StartAsync(
        ReplaySettings settings, CaseFile file, string caseName, IReadOnlyList<string>? interfaces = null)
    {
        await NetworkReadyAsync(interfaces ?? [Interface]);
        return new MdnsBench(settings, file, caseName);
    }

    /// <summary>Waits until a sidecar has sent its announcements, of which there are two: what it sends later has another reason.</summary>
    public async Task AnnouncedAsync(SidecarProcess sidecar)
    {
        var deadline = Clock.Now + AnnouncementPatience.TotalSeconds;
        while (Clock.Now < deadline && Capture.Take().Count(IsAnnouncement) < 2)
        {
            await Task.Delay(20);
        }

        // The other family's follows at once.
        await Task.Delay(100);

        bool IsAnnouncement(SentPacket packet) =>
            packet is { Interface: Interface, Family: "ipv4", Kind: { } kind } && kind.Contains(" flags 0x8000\n", StringComparison.Ordinal)
            && kind.Contains($":{sidecar.Id}.", StringComparison.Ordinal);
    }

    /// <summary>A sidecar called <paramref name="key"/> in placeholders (<c>KEY_PID</c>, <c>KEY_INTERNAL_PORT</c>).</summary>
    public SidecarProcess Start(
        string key, string appId, bool hasApp, JsonNode? flags = null, JsonNode? environment = null, int? appPort = null)
    {
        var recorded = new JsonObject
        {
            ["app_id"] = appId,
            ["app"] = hasApp,
            ["flags"] = flags?.DeepClone() ?? new JsonArray(),
            ["env"] = environment?.DeepClone(),
        };
        var process = Topology.StartSidecar(new RecordedProcess(key, recorded), appPort: appPort);
        Topology.Placeholders.Add($"{key.ToUpperInvariant()}_PID", process.Id);
        return process;
    }

    /// <summary>One GET through the sidecar called <paramref name="key"/>: status and body, or why there is no answer.</summary>
    /// <param name="key">Who is asked.</param>
    /// <param name="target">The app id as it stands in the path.</param>
    /// <param name="recorded">The recorded result: where ours differs only in what Dapr does not write, it is given back.</param>
    /// <param name="repeatable">False sends a chunked body, so that nobody tries a second time.</param>
    public async Task<JsonObject> CallAsync(string key, string target, JsonNode? recorded, bool repeatable = true)
    {
        var (verb, rest) = repeatable ? ("GET", "\r\n") : ("POST", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
        var answer = await RawClient.CallAsync(
            new RawCall
            {
                To = Topology.Address(key, "127.0.0.1"),
                Steps = [new JsonObject { ["text"] = $"{verb} /v1.0/invoke/{target}/method/x HTTP/1.1\r\nHost: localhost\r\n{rest}" }],
                Patience = CallPatience,
            },
            Topology.Rendezvous);
        if (answer["responses"]!.AsArray().LastOrDefault() is not JsonObject response)
        {
            return new JsonObject { ["connection"] = answer["connection"]!.DeepClone() };
        }

        var result = Topology.Placeholders.Seen(
            new JsonObject { ["status"] = response["status"]!.DeepClone(), ["body"] = response["body"]?.DeepClone() });
        var isSame = Text(recorded) is { } want && Text(result) is { } got && Wording.IsSame(want, got)
            && JsonNode.DeepEquals(recorded!["status"], result["status"]);
        return isSame ? recorded!.DeepClone().AsObject() : result;
    }

    /// <summary>
    /// Milliseconds since <paramref name="start"/>, or the recorded number when that is near: answers differ by a second or
    /// two, and a busy machine is late by a part of one.
    /// </summary>
    public static JsonNode Took(JsonNode recorded, double start)
    {
        var took = Math.Round((Clock.Now - start) * 1000);
        return Math.Abs(took - recorded.GetValue<double>()) <= NearMs ? recorded.DeepClone() : took;
    }

    /// <summary>The recorded packets when the same kinds of packet were sent, else what is missing and what is too much.</summary>
    public static JsonArray Compared(JsonArray recorded, IEnumerable<SentPacket> sent, Func<string, string> fill)
    {
        var wanted = recorded.Select(p => KindOf(p!.AsObject(), fill)).ToHashSet();
        var seen = sent.Select(p => p.Kind).OfType<string>().ToHashSet();
        if (wanted.SetEquals(seen))
        {
            return recorded.DeepClone().AsArray();
        }

        var missing = wanted.Except(seen).Select(k => $"missing: {k}");
        var tooMuch = seen.Except(wanted).Select(k => $"too much: {k}");
        return [.. missing.Concat(tooMuch).Select(t => (JsonNode)t)];
    }

    public async ValueTask DisposeAsync()
    {
        await Topology.DisposeAsync();
        await Capture.DisposeAsync();
    }

    private static string KindOf(JsonObject packet, Func<string, string> fill) => string.Create(
        CultureInfo.InvariantCulture,
        $"{packet["family"]} to {packet["to"]} from {packet["from_port"]} ttl {packet["ip_ttl"]} {PacketText.Of(packet, fill)}");

    private static string? Text(JsonNode? result) => ((result as JsonObject)?["body"] as JsonObject)?["text"]?.GetValue<string>();

    /// <summary>
    /// A new interface has no usable IPv6 address for a second or two (duplicate address detection), and what is sent over
    /// IPv6 before that is lost.
    /// </summary>
    private static async Task NetworkReadyAsync(IReadOnlyList<string> interfaces)
    {
        const int Tentative = 0x40;
        var deadline = Clock.Now + NetworkPatience.TotalSeconds;
        while (Clock.Now < deadline)
        {
            // Address, index, prefix length, scope (20: link), flags, name; /proc/net is that of this process' network.
            var ready = (await File.ReadAllLinesAsync("/proc/net/if_inet6"))
                .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Where(fields => fields[3] == "20" && (Convert.ToInt32(fields[4], 16) & Tentative) == 0)
                .Select(fields => fields[5])
                .ToHashSet();
            if (interfaces.All(ready.Contains))
            {
                return;
            }

            await Task.Delay(50);
        }

        throw new InvalidOperationException($"no usable IPv6 address on {string.Join(", ", interfaces)}");
    }
}
