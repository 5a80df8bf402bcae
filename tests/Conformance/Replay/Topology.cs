using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay;

/// <summary>The running processes of one recorded file: its sidecars, its app and a server outside.</summary>
internal sealed class Topology : ICaseBench, IAsyncDisposable
{
    private readonly ReplaySettings _settings;
    private readonly CaseFile _file;
    private readonly Dictionary<string, SidecarProcess> _sidecars = [];
    private readonly Dictionary<string, RecordedProcess> _started = [];
    private readonly FreePorts _ports = new(new Random());

    /// <summary>Chooses ports and writes the configuration files; a certificate means that the app speaks TLS.</summary>
    public Topology(ReplaySettings settings, CaseFile file, X509Certificate2? certificate = null)
        : this(settings, file, "", certificate)
    {
    }

    /// <summary>For one case of a file that starts its processes anew for each.</summary>
    public Topology(ReplaySettings settings, CaseFile file, string caseName, X509Certificate2? certificate = null)
    {
        _settings = settings;
        _file = file;
        Folder = Path.Combine(settings.Folder, file.Name.Replace('/', '-'), caseName);
        Directory.CreateDirectory(Folder);
        Placeholders = new Placeholders(settings.HostIp, Dns.GetHostName(), Folder);
        App = new ScriptedApp(_ports.Next(), Rendezvous, certificate);
        Outside = new ScriptedApp(_ports.Next(), Rendezvous);
        Placeholders.Add("APP_PORT", App.Port);
        Placeholders.Add("EXT_PORT", Outside.Port);
        Placeholders.Add("DEAD_PORT", _ports.Next());
        foreach (var (name, text) in RecordedConfigurations.For(file.Name))
        {
            File.WriteAllText(Path.Combine(Folder, name), text);
        }
    }

    public string Folder { get; }

    public Rendezvous Rendezvous { get; } = new();

    public Placeholders Placeholders { get; }

    public Perturbation Perturbation => _settings.Perturbation;

    public ScriptedApp App { get; }

    public ScriptedApp Outside { get; }

    public IReadOnlyDictionary<string, SidecarProcess> Sidecars => _sidecars;

    public string DefaultTarget => _sidecars.ContainsKey("caller") ? "caller" : _sidecars.Keys.First();

    /// <summary>Starts the servers and every sidecar.</summary>
    public async Task StartAsync(bool waitUntilReady = true)
    {
        App.Start();
        Outside.Start();
        await StartSidecarsAsync(waitUntilReady);
    }

    public async Task StartSidecarsAsync(bool waitUntilReady = true)
    {
        foreach (var process in _file.Processes)
        {
            StartSidecar(process);
        }

        if (waitUntilReady)
        {
            foreach (var key in _sidecars.Keys)
            {
                await ReadyAsync(key);
            }
        }
    }

    /// <summary>Starts one more sidecar of this topology, or a crashed one again on its ports.</summary>
    public SidecarProcess StartSidecar(RecordedProcess process, SidecarPorts? ports = null, int? appPort = null)
    {
        _started[process.Key] = process;
        var resources = Path.Combine(Folder, "res-" + process.Key);
        Directory.CreateDirectory(resources);
        foreach (var (name, text) in process.Resources)
        {
            File.WriteAllText(Path.Combine(resources, name), Placeholders.Fill(text));
        }

        var flags = process.Flags.Select(Placeholders.Fill).ToList();
        if (flags.IndexOf("--unix-domain-socket") is >= 0 and var at)
        {
            Directory.CreateDirectory(flags[at + 1]);
        }

        ports ??= SidecarPorts.From(_ports);
        foreach (var (name, port) in ports.All)
        {
            Placeholders.Add($"{process.Key.ToUpperInvariant()}_{name}_PORT", port);
        }

        return _sidecars[process.Key] = new SidecarProcess(new SidecarOptions
        {
            Binary = _settings.Binary,
            AppId = process.AppId,
            LogFile = Path.Combine(Folder, process.Key + ".log"),
            Ports = ports,
            AppPort = process.HasApp ? appPort ?? App.Port : null,
            ResourcesFolder = resources,
            Flags = [.. flags, .. _settings.ExtraFlags],
            Environment = process.Environment.Concat(_settings.ExtraEnvironment).ToDictionary(),
        });
    }

    public async Task<JsonObject?> CrashesAsync()
    {
        JsonObject? crashes = null;
        foreach (var (key, sidecar) in _sidecars.Where(s => s.Value.HasEnded).ToList())
        {
            crashes ??= [];
            crashes[key] = new JsonObject { ["exit_code"] = sidecar.ExitCode };
            var ports = sidecar.Ports;
            sidecar.Dispose();
            StartSidecar(_started[key], ports);
            await ReadyAsync(key);
        }

        return crashes;
    }

    public EndPoint Address(string to, string host)
    {
        if (to.EndsWith("_socket", StringComparison.Ordinal))
        {
            return SidecarHealth.SocketOf(_sidecars[to[..^"_socket".Length]].Options!)!;
        }

        var isPublic = to.EndsWith("_public", StringComparison.Ordinal);
        var ports = _sidecars[isPublic ? to[..^"_public".Length] : to].Ports;
        return new IPEndPoint(IPAddress.Parse(host), isPublic ? ports.Public : ports.Http);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_sidecars.Values.Select(s => s.StopAsync()));
        App.Dispose();
        Outside.Dispose();
    }

    /// <summary>Waits until <c>healthz</c> says so.</summary>
    public Task ReadyAsync(string key) => SidecarHealth.ReadyAsync(_sidecars[key], Rendezvous);
}
