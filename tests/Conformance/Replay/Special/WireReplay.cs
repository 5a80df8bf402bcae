using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>
/// HTTP client → caller → callee → HTTP app, with a proxy on the callee's internal port that records what the sidecars say to each
/// other. The callee really listens on a loopback address, the proxy on the address that mDNS announces.
/// </summary>
internal static class WireReplay
{
    // The recording's own ports: lengths of recorded texts count on their digits.
    private const int AppPort = 9000;
    private static readonly SidecarPorts CallerPorts = new(3500, 50001, 50011, 9190, 3600);
    private static readonly SidecarPorts CalleePorts = new(3501, 50002, 50012, 9191, 3601);

    /// <summary>A loopback address other than the one that a sidecar would then announce.</summary>
    private const string CalleeListens = "127.0.0.2";

    private static readonly TimeSpan StreamPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(200);
    private static readonly TimeSpan PieceEvery = TimeSpan.FromSeconds(20);
    private const int Pieces = 14;

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        await using var bench = new Bench(settings, file);
        await bench.StartAsync();
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, file.Name switch
            {
                "grpc/wire-idle" => bench.IdleAsync,
                "grpc/wire-slowbody" => bench.SlowBodyAsync,
                _ => bench.ReplayAsync,
            });
        }
    }

    private sealed class Bench : IAsyncDisposable
    {
        private readonly ReplaySettings _settings;
        private readonly Rendezvous _rendezvous = new();
        private readonly Placeholders _placeholders;
        private readonly ScriptedApp _app;
        private readonly SidecarProcess _callee;
        private readonly SidecarProcess _caller;
        private readonly RecordingProxy _proxy;
        private readonly PerturbedClient _client;

        public Bench(ReplaySettings settings, CaseFile file)
        {
            _settings = settings;
            _client = new PerturbedClient(settings.Perturbation, _rendezvous);
            var folder = Path.Combine(settings.Folder, file.Name.Replace('/', '-'));
            Directory.CreateDirectory(folder);
            _placeholders = new Placeholders(settings.HostIp, Dns.GetHostName(), folder);
            _app = new ScriptedApp(AppPort, _rendezvous);
            _app.Start();
            _proxy = new RecordingProxy(new IPEndPoint(IPAddress.Parse(settings.HostIp), CalleePorts.Internal), new IPEndPoint(IPAddress.Parse(CalleeListens), CalleePorts.Internal));
            _callee = Start("callee", CalleePorts, AppPort, ["--dapr-internal-grpc-listen-address", CalleeListens]);
            _caller = Start("caller", CallerPorts, null, []);

            SidecarProcess Start(string id, SidecarPorts ports, int? appPort, string[] flags) => new(new SidecarOptions
            {
                Binary = settings.Binary,
                AppId = id,
                LogFile = Path.Combine(folder, id + ".log"),
                Ports = ports,
                AppPort = appPort,
                ResourcesFolder = Path.Combine(folder, "res-" + id),
                Flags = [.. flags, .. settings.ExtraFlags],
                Environment = settings.ExtraEnvironment,
            });
        }

        public async Task StartAsync()
        {
            await SidecarHealth.ReadyAsync(_callee, _rendezvous);
            await SidecarHealth.ReadyAsync(_caller, _rendezvous);
        }

        public async Task<JsonObject> ReplayAsync(JsonObject recorded)
        {
            await PrepareAsync(recorded["before"]?.GetValue<string>());
            var name = CaseFile.NameOf(recorded);
            _app.Expect(_settings.Perturbation.App(name, _placeholders.Fill(recorded["app"])));
            var client = await CallAsync(_placeholders.Fill(recorded["request"])!, name: name);
            await Task.Delay(30);
            var exchanges = await _proxy.TakeAsync(StreamPatience);
            var seen = recorded["app_saw"] as JsonArray ?? [];
            return Seen(new JsonObject
            {
                ["client"] = client,
                ["app_saw"] = await _app.SeenAsync(seen.Count, AppPatience),
                ["internal"] = new JsonArray([.. exchanges.Select((e, i) => e.ToJson(((recorded["internal"] as JsonArray)?.ElementAtOrDefault(i) as JsonObject), Seen))]),
            });
        }

        /// <summary>One call, 200 s of silence (idle pings, a GOAWAY), another call.</summary>
        public async Task<JsonObject> IdleAsync(JsonObject recorded)
        {
            _app.Expect([new JsonObject { ["text"] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" }]);
            var first = await CallAsync(Get());
            await Task.Delay(Silence);
            return Seen(new JsonObject { ["client"] = new JsonArray(first, await CallAsync(Get())) });
        }

        /// <summary>A response body of one piece every 20 s.</summary>
        public async Task<JsonObject> SlowBodyAsync(JsonObject recorded)
        {
            var script = new JsonArray(new JsonObject { ["text"] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" });
            for (var piece = 0; piece < Pieces; piece++)
            {
                if (piece > 0)
                {
                    script.Add((JsonNode)new JsonObject { ["sleep"] = PieceEvery.TotalSeconds });
                }

                script.Add((JsonNode)new JsonObject { ["text"] = $"2\r\n{piece:00}\r\n" });
            }

            script.Add((JsonNode)new JsonObject { ["text"] = "0\r\n\r\n" });
            _app.Expect(script);
            return Seen(new JsonObject { ["client"] = new JsonArray(await CallAsync(Get(), TimeSpan.FromSeconds(Pieces * PieceEvery.TotalSeconds))) });
        }

        public async ValueTask DisposeAsync()
        {
            await Task.WhenAll(_callee.StopAsync(), _caller.StopAsync());
            _proxy.Dispose();
            _app.Dispose();
        }

        private static JsonArray Get() => [new JsonObject { ["text"] = "GET /v1.0/invoke/callee/method/x HTTP/1.1\r\nHost: localhost\r\n\r\n" }];

        private async Task PrepareAsync(string? before)
        {
            if (before == "app_stop")
            {
                _app.Stop();
            }
            else if (before == "callee_kill")
            {
                _proxy.Dispose();
                _callee.Signal(SidecarProcess.SigKill);
                await _callee.EndedWithinAsync(TimeSpan.FromSeconds(5));
            }
        }

        private Task<JsonObject> CallAsync(JsonArray steps, TimeSpan? patience = null, string name = "") => _client.CallAsync(
            name, new RawCall { To = new IPEndPoint(IPAddress.Loopback, CallerPorts.Http), Steps = steps, Patience = patience ?? TimeSpan.FromSeconds(8) });

        /// <summary>The recording names its ports literally, and its machine was called <c>host</c>.</summary>
        private JsonObject Seen(JsonObject result) =>
            JsonText.Map(_placeholders.Seen(result), t => t.Replace("{{HOST}}", "host", StringComparison.Ordinal))!.AsObject();
    }
}
