using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Looks at a sidecar every 100 ms from several sides at once: its ports, and what it answers.</summary>
internal sealed class LifecycleProbe(double start, Func<string, string> placeholders) : IAsyncDisposable
{
    private const int EveryMs = 100;

    /// <summary>How long a probe waits for an answer before it notes <c>no-answer-yet</c>.</summary>
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, List<(double Ms, JsonNode Value)>> _samples = [];
    private readonly List<Task> _loops = [];
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Notes whether the port takes connections.</summary>
    public void WatchPort(string name, int port) => Watch(name, async () =>
    {
        try
        {
            using var socket = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
            return "open";
        }
        catch (SocketException)
        {
            return "refused";
        }
    });

    /// <summary>Notes the status and body of a GET.</summary>
    public void WatchPath(string name, int port, string path) => Watch(name, () => GetAsync(port, path));

    /// <summary>One GET: [status, body], or why there is none.</summary>
    public async Task<JsonNode> GetAsync(int port, string path)
    {
        try
        {
            var answer = await RawClient.CallAsync(
                new RawCall
                {
                    To = new IPEndPoint(IPAddress.Loopback, port),
                    Steps = [new JsonObject { ["text"] = $"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" }],
                    Patience = AnswerPatience,
                },
                new Rendezvous());
            return answer["responses"]!.AsArray().LastOrDefault() is { } response && response["incomplete"] is null
                ? new JsonArray(response["status"]!.DeepClone(), placeholders(response["body"]?["text"]?.GetValue<string>() ?? ""))
                : answer["connection"]!.GetValue<string>() is "reset" or "closed" ? "refused: Connection refused" : "no-answer-yet";
        }
        catch (SocketException)
        {
            return "refused: Connection refused";
        }
    }

    /// <summary>Each recorded timeline, confirmed or replaced by what was seen.</summary>
    public async Task<JsonObject> ComparedAsync(JsonObject recorded, double endMs)
    {
        await DisposeAsync();
        return new JsonObject(recorded.Select(p =>
            KeyValuePair.Create(p.Key, (JsonNode?)Timeline.AgreedOrSeen(p.Value!.AsArray(), _samples.GetValueOrDefault(p.Key) ?? [], endMs))));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops);
    }

    private void Watch(string name, Func<Task<JsonNode>> look)
    {
        var samples = _samples[name] = [];
        _loops.Add(Task.Run(async () =>
        {
            while (!_stop.IsCancellationRequested)
            {
                var asked = (Clock.Now - start) * 1000;
                samples.Add((asked, await look()));
                await Task.Delay((int)Math.Clamp(EveryMs - (((Clock.Now - start) * 1000) - asked), 1, EveryMs));
            }
        }));
    }
}
