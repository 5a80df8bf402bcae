using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Command lines: exit code, both streams, and the log lines that matter. The cases do not meet, so several run at once.</summary>
internal static partial class CliReplay
{
    private const int AtOnce = 8;
    private const int ProfilePort = 7777;
    private static readonly TimeSpan Initialized = TimeSpan.FromSeconds(8);
    private static readonly TimeSpan SettlesIn = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ExitPatience = TimeSpan.FromSeconds(12);

    [GeneratedRegex(@"^(\s+(?:-\w, )?--[\w-]+(?: \w+)?) {2,}(.*)$")]
    private static partial Regex UsageLine();

    [LibraryImport("libc", EntryPoint = "getuid")]
    private static partial uint GetUserId();

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        var folder = Path.Combine(settings.Folder, "runtime-cli");
        Directory.CreateDirectory(folder);
        var ports = new FreePorts(new Random());
        var chosen = new ConcurrentDictionary<string, Ports>();
        foreach (var recorded in file.Cases)
        {
            chosen[CaseFile.NameOf(recorded)] = new Ports(ports.Next(), ports.Next(), ports.Next(), ports.Next(), ports.Next());
        }

        await Parallel.ForEachAsync(file.Cases, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (recorded, _) =>
            await runCase(file, recorded, r => new Case(settings, folder, chosen[CaseFile.NameOf(r)], r).RunAsync()));
    }

    private sealed record Ports(int Http, int Grpc, int Internal, int Metrics, int Busy);

    private sealed class Case(ReplaySettings settings, string root, Ports ports, JsonObject recorded)
    {
        private readonly string _folder = Path.Combine(root, CaseFile.NameOf(recorded));

        public async Task<JsonObject> RunAsync()
        {
            Directory.CreateDirectory(_folder);
            if (GetUserId() != 0 && recorded["stdout_log"]?.ToString().Contains("is root", StringComparison.Ordinal) == true)
            {
                // daprd minds only who is root: as anybody else there is nothing to see.
                return recorded.DeepClone().AsObject();
            }

            if (recorded["ports"] is not null)
            {
                return await InternalPortAsync();
            }

            using var busy = TakeBusyPort(out var freeAgain);
            var start = Clock.Now;
            using var process = Start([.. recorded["args"]!.AsArray().Select(a => Filled(a!.GetValue<string>()))]);
            var actual = new JsonObject { ["args"] = recorded["args"]!.DeepClone() };
            if (recorded["env"] is { } environment)
            {
                actual["env"] = environment.DeepClone();
            }

            _ = freeAgain is null ? Task.CompletedTask : Task.Delay(freeAgain.Value).ContinueWith(_ => busy!.Dispose(), TaskScheduler.Default);
            await FollowAsync(process, start, actual);
            var log = Seen(process.Log);
            if (recorded["stdout_log"] is JsonArray lines)
            {
                actual["stdout_log"] = LogLines.Compared(lines, LogLines.Read(log));
            }

            if (recorded["stdout"] is not null)
            {
                actual["stdout"] = Seen(process.Output.ToString()).Replace("{{HOST}}", "host", StringComparison.Ordinal).Replace("ver=1.18.3", "ver=unknown", StringComparison.Ordinal);
            }

            actual["stderr"] = Reduced(Seen(process.Errors.ToString()));
            return actual;
        }

        private async Task FollowAsync(SidecarProcess process, double start, JsonObject actual)
        {
            if (recorded["ended"] is JsonObject ended)
            {
                var after = ended["after_ms"]!.GetValue<double>();
                if (await process.EndedWithinAsync(TimeSpan.FromMilliseconds((after * 1.3) + 2000)))
                {
                    actual["ended"] = new JsonObject { ["exit_code"] = process.ExitCode, ["after_ms"] = Math.Round((Clock.Now - start) * 1000) };
                    return;
                }
            }
            else if (recorded["initialized_after_ms"] is not null)
            {
                var ms = await InitializedAsync(process, start);
                actual["initialized_after_ms"] = ms is null ? null : Math.Round(ms.Value);
            }
            else
            {
                await process.EndedWithinAsync(SettlesIn);
            }

            if (process.HasEnded)
            {
                actual["ended"] = new JsonObject { ["exit_code"] = process.ExitCode, ["after_ms"] = Math.Round((Clock.Now - start) * 1000) };
                return;
            }

            if (recorded["during"] is JsonObject asked)
            {
                actual["during"] = await AskAsync(asked);
            }

            actual["ended"] = "running";
            process.Signal(SidecarProcess.SigTerm);
            actual["exit_after_sigterm"] = await process.EndedWithinAsync(ExitPatience) ? process.ExitCode : null;
        }

        private static async Task<double?> InitializedAsync(SidecarProcess process, double start)
        {
            while (!process.HasEnded && Clock.Now - start < Initialized.TotalSeconds)
            {
                if (process.Log.Contains("dapr initialized. Status: Running", StringComparison.Ordinal))
                {
                    return (Clock.Now - start) * 1000;
                }

                await Task.Delay(20);
            }

            return null;
        }

        private static async Task<JsonObject> AskAsync(JsonObject asked)
        {
            var result = new JsonObject();
            foreach (var (path, _) in asked)
            {
                result[path] = await IsOpenAsync(ProfilePort) ? await StatusAsync(path) : null;
            }

            return result;
        }

        private static async Task<JsonNode?> StatusAsync(string path)
        {
            var answer = await RawClient.CallAsync(
                new RawCall
                {
                    To = new IPEndPoint(IPAddress.Loopback, ProfilePort),
                    Steps = [new JsonObject { ["text"] = $"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n" }],
                },
                new Rendezvous());
            return answer["responses"]!.AsArray().LastOrDefault()?["status"]?.DeepClone();
        }

        /// <summary>The default internal port: 47300 + (SHA-256 of id|folder|uid|host, first two bytes little-endian) mod 18235.</summary>
        private async Task<JsonObject> InternalPortAsync()
        {
            var holds = true;
            foreach (var id in new[] { "myapp", "other", "A" })
            {
                var text = $"{id}|{_folder}|{GetUserId()}|{Dns.GetHostName()}";
                var port = 47300 + (BinaryPrimitives.ReadUInt16LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(text))) % 18235);
                using var process = Start(["--app-id", id, "--dapr-http-port", Text(ports.Http), "--dapr-grpc-port", Text(ports.Grpc), "--metrics-port", Text(ports.Metrics)]);
                holds &= await InitializedAsync(process, Clock.Now) is not null && await IsOpenAsync(port);
                process.Signal(SidecarProcess.SigTerm);
                await process.EndedWithinAsync(ExitPatience);
            }

            var actual = recorded.DeepClone().AsObject();
            actual["rule_holds"] = holds;
            return actual;
        }

        private static async Task<bool> IsOpenAsync(int port)
        {
            try
            {
                using var socket = await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port));
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        }

        private Socket? TakeBusyPort(out TimeSpan? freeAgain)
        {
            freeAgain = null;
            var note = recorded["note"]?.GetValue<string>() ?? "";
            if (!note.Contains("{{BUSY_PORT}} is taken", StringComparison.Ordinal))
            {
                return null;
            }

            freeAgain = note.Contains("for 3 s", StringComparison.Ordinal) ? TimeSpan.FromSeconds(3) : null;
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Parse(note.Split(':')[0]), ports.Busy));
            socket.Listen();
            return socket;
        }

        private SidecarProcess Start(IReadOnlyList<string> arguments)
        {
            var environment = (recorded["env"] as JsonObject ?? []).ToDictionary(p => p.Key, p => p.Value!.GetValue<string>());
            return new SidecarProcess(settings.Binary, arguments, environment, Path.Combine(_folder, "sidecar.log"), _folder);
        }

        private string Filled(string text) => Names().Aggregate(text, (t, n) => t.Replace(n.Placeholder, n.Value, StringComparison.Ordinal));

        private string Seen(string text)
        {
            var placeholders = new Placeholders(settings.HostIp, Dns.GetHostName(), _folder);
            return Names().Aggregate(placeholders.Seen(text), (t, n) => t.Replace(n.Value, n.Placeholder, StringComparison.Ordinal));
        }

        private IEnumerable<(string Placeholder, string Value)> Names() =>
        [
            ("{{HTTP_PORT}}", Text(ports.Http)), ("{{GRPC_PORT}}", Text(ports.Grpc)), ("{{INTERNAL_PORT}}", Text(ports.Internal)),
            ("{{METRICS_PORT}}", Text(ports.Metrics)), ("{{BUSY_PORT}}", Text(ports.Busy)), ("{{TMP}}", _folder),
        ];

        private static string Text(int port) => port.ToString(CultureInfo.InvariantCulture);

        /// <summary>Usage text reduced to flag, type and defaults, as in the recording.</summary>
        private static string Reduced(string text) => string.Join('\n', text.Split('\n').Select(line =>
        {
            var match = UsageLine().Match(line);
            if (!match.Success)
            {
                return line;
            }

            var rest = match.Groups[2].Value;
            var defaults = rest.IndexOf("(default", StringComparison.Ordinal);
            return $"{match.Groups[1].Value}   …{(defaults < 0 ? "" : " " + rest[defaults..])}";
        }));
    }
}
