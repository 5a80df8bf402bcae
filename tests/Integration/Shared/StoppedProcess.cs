using System.Globalization;

namespace FastSidecar.Integration.Shared;

/// <summary>
/// A sidecar that stands still (SIGSTOP) while its kernel goes on: what its connections receive meanwhile waits for it in a known order.
/// Disposing lets it run on.
/// </summary>
internal sealed class StoppedProcess : IDisposable
{
    private const int SigCont = 18;
    private const int SigStop = 19;
    private const string Established = "01";
    private const string CloseWait = "08";

    private readonly SidecarProcess _process;
    private bool _runs;

    private StoppedProcess(SidecarProcess process) => _process = process;

    public static async Task<StoppedProcess> StopAsync(SidecarProcess process)
    {
        var stopped = new StoppedProcess(process);
        process.Signal(SigStop);
        await Eventually.TrueAsync(() => Directory.EnumerateDirectories($"/proc/{process.Id}/task").All(IsStopped), () => $"{process.AppId} does not stop");
        return stopped;
    }

    /// <summary>Waits until bytes lie on a connection to a port of the process.</summary>
    public Task BytesWaitAsync(int port) => Eventually.TrueAsync(
        () => Connections().Any(connection => connection.LocalPort == port && connection is { State: Established, Received: > 0 }),
        () => $"nothing comes for port {port}");

    /// <summary>Waits until the FIN of a server that the process is connected to has come.</summary>
    public Task FinWaitsAsync(int port) => Eventually.TrueAsync(
        () => Connections().Any(connection => connection.RemotePort == port && connection.State == CloseWait),
        () => $"no FIN comes from port {port}");

    public void GoOn()
    {
        _runs = true;
        _process.Signal(SigCont);
    }

    public void Dispose()
    {
        if (!_runs)
        {
            GoOn();
        }
    }

    /// <summary>proc(5): the state stands behind the name, which is in parentheses.</summary>
    private static bool IsStopped(string task)
    {
        var stat = File.ReadAllText(Path.Combine(task, "stat"));
        return stat[stat.LastIndexOf(')') + 2] == 'T';
    }

    /// <summary>proc(5): address, remote address, state, queues.</summary>
    private IEnumerable<(int LocalPort, int RemotePort, string State, int Received)> Connections() =>
        from file in (string[])["tcp", "tcp6"]
        from line in File.ReadAllLines($"/proc/{_process.Id}/net/{file}").Skip(1)
        let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        select (Hex(fields[1]), Hex(fields[2]), fields[3], Hex(fields[4]));

    /// <summary>The number behind the colon.</summary>
    private static int Hex(string field) => int.Parse(field.AsSpan(field.LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
