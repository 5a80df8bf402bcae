using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Grpc;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Grpc;

/// <summary>
/// The sidecars and the app of a recorded gRPC file. The first topology of a network has the recording's own ports, since lengths of recorded texts
/// count on their digits; others beside it have ports of as many digits, which are written as the recorded ones in what was seen.
/// </summary>
internal sealed class GrpcTopology : IAsyncDisposable
{
    private const int AppPort = 9000;
    private readonly ReplaySettings _settings;
    private readonly string _folder;
    private readonly Placeholders _placeholders;
    private readonly Dictionary<string, SidecarProcess> _sidecars = [];
    private readonly int _index;

    public GrpcTopology(ReplaySettings settings, CaseFile file, string name, int index = 0)
    {
        _settings = settings;
        _index = index;
        _folder = Path.Combine(settings.Folder, file.Name.Replace('/', '-'), name);
        Directory.CreateDirectory(_folder);
        _placeholders = new Placeholders(settings.HostIp, Dns.GetHostName(), _folder);
        HttpApp = new ScriptedApp(AppPort + (10 * index), Rendezvous);
        GrpcApp = new GrpcApp(AppPort + (10 * index));
    }

    public Rendezvous Rendezvous { get; } = new();

    public ScriptedApp HttpApp { get; }

    public GrpcApp GrpcApp { get; }

    public SidecarPorts Callee => new(3501 + (10 * _index), 50002 + (100 * _index), 50012 + (100 * _index), 9191 + (10 * _index), 3601 + (10 * _index));

    public SidecarPorts Caller => new(3500 + (10 * _index), 50001 + (100 * _index), 50011 + (100 * _index), 9190 + (10 * _index), 3600 + (10 * _index));

    public SidecarProcess this[string id] => _sidecars[id];

    public static IPEndPoint Local(int port) => new(IPAddress.Loopback, port);

    /// <summary>Adds to what is replaced in scripts, and back in what was seen.</summary>
    public void Name(string placeholder, int value) => _placeholders.Add(placeholder, value);

    public JsonArray Fill(JsonNode? steps) => _placeholders.Fill(steps) ?? [];

    /// <param name="id">The app id, <c>caller</c> or <c>callee</c>.</param>
    /// <param name="hasApp">Whether the app's port is told.</param>
    /// <param name="flags">More flags.</param>
    /// <param name="environment">More variables.</param>
    /// <param name="configuration">Text of a Configuration.</param>
    /// <param name="resources">Text of a resource.</param>
    public async Task StartAsync(
        string id, bool hasApp, IEnumerable<string>? flags = null, IEnumerable<KeyValuePair<string, string>>? environment = null, string? configuration = null,
        string? resources = null)
    {
        List<string> all = [.. flags ?? [], .. _settings.ExtraFlags];
        var resourcesFolder = Path.Combine(_folder, "res-" + id);
        Directory.CreateDirectory(resourcesFolder);
        if (configuration is not null)
        {
            var path = Path.Combine(_folder, id + "-configuration.yaml");
            await File.WriteAllTextAsync(path, configuration);
            all.AddRange(["--config", path]);
        }

        if (resources is not null)
        {
            await File.WriteAllTextAsync(Path.Combine(resourcesFolder, "resource.yaml"), resources);
        }

        _sidecars[id] = new SidecarProcess(new SidecarOptions
        {
            Binary = _settings.Binary,
            AppId = id,
            LogFile = Path.Combine(_folder, id + ".log"),
            Ports = id == "caller" ? Caller : Callee,
            AppPort = hasApp ? HttpApp.Port : null,
            ResourcesFolder = resourcesFolder,
            Flags = all,
            Environment = _settings.ExtraEnvironment.Concat(environment ?? []).ToDictionary(),
        });
        await SidecarHealth.ReadyAsync(_sidecars[id], Rendezvous);
    }

    /// <summary>Sidecars that ended by themselves, with exit codes; each is started again.</summary>
    public async Task<JsonObject?> CrashesAsync()
    {
        JsonObject? crashes = null;
        foreach (var (id, sidecar) in _sidecars.Where(s => s.Value.HasEnded).ToList())
        {
            crashes ??= [];
            crashes[id] = new JsonObject { ["exit_code"] = sidecar.ExitCode };
            sidecar.Dispose();
            _sidecars[id] = new SidecarProcess(sidecar.Options!);
            await SidecarHealth.ReadyAsync(_sidecars[id], Rendezvous);
        }

        return crashes;
    }

    /// <summary>What was seen, with the ports of the recording; its machine was called <c>host</c>.</summary>
    public JsonObject Seen(JsonObject result) => JsonText.Map(_placeholders.Seen(result), text => Recorded(text))!.AsObject();

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_sidecars.Values.Select(s => s.StopAsync()));
        HttpApp.Dispose();
        GrpcApp.Dispose();
    }

    private string Recorded(string text)
    {
        text = text.Replace("{{HOST}}", "host", StringComparison.Ordinal);
        return _index == 0 ? text : text.Replace($":{HttpApp.Port}", $":{AppPort}", StringComparison.Ordinal).Replace($":{Callee.Internal}", ":50012", StringComparison.Ordinal);
    }
}
