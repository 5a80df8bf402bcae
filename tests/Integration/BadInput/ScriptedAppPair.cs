using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.BadInput;

/// <summary>A pair whose caller also knows a second callee, whose app does what the test says.</summary>
public class ScriptedAppPair : SidecarPair
{
    private readonly string[] _flags;

    public ScriptedAppPair()
        : this([])
    {
    }

    /// <param name="flags">Of all sidecars.</param>
    protected ScriptedAppPair(params string[] flags)
        : base(flags) => _flags = flags;

    internal ScriptedServer Scripted { get; private set; } = null!;

    internal SidecarProcess ScriptedCallee { get; private set; } = null!;

    internal string PathToScripted => $"/v1.0/invoke/{ScriptedCallee.AppId}/method/m";

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        Scripted = new ScriptedServer(ScriptedServer.Answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
        ScriptedCallee = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("scripted"), AppPort = Scripted.Port, Flags = _flags });
    }

    public override async Task DisposeAsync()
    {
        await ScriptedCallee.DisposeAsync();
        await Scripted.DisposeAsync();
        await base.DisposeAsync();
    }

    internal override IEnumerable<SidecarProcess> Processes => [.. base.Processes, ScriptedCallee];
}
