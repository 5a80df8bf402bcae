using System.ComponentModel;
using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using FastSidecar.Configuration.Flags;

namespace FastSidecar.Commands;

/// <summary>
/// <c>run</c>: starts a sidecar and an app, shows both outputs, ends both when one ends or on a signal, and gives the app's exit code
/// (dapr/cli cmd/run.go, for one app).
/// </summary>
/// <param name="context">The world around.</param>
/// <param name="self">This program's own file.</param>
/// <param name="ownVariables">Environment variables that this program sets for itself: the app must not see them.</param>
/// <param name="random">Makes up an app id.</param>
internal sealed class RunCommand(CommandContext context, string self, IReadOnlyCollection<string> ownVariables, Random random)
{
    private static readonly TimeSpan AppPatience = TimeSpan.FromSeconds(5);

    /// <summary>Above the sidecar's own grace period, which is 5 s.</summary>
    private static readonly TimeSpan SidecarPatience = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan SidecarStartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(50);

    /// <summary>How long the rest of an app's output is waited for: something it left behind may keep the pipe open.</summary>
    private static readonly TimeSpan OutputPatience = TimeSpan.FromSeconds(1);

    private readonly Lock _outputGate = new();

    public async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        var flags = new RunFlags();
        var read = flags.Set.Read(args, context.StandardError);
        if (read != FlagReadResult.Ok)
        {
            return read == FlagReadResult.Help ? 0 : 1;
        }

        if (flags.RunFile.IsGiven || flags.Kubernetes.Value)
        {
            context.StandardError.Write("--run-file and --kubernetes are not in this version of FastSidecar\n");
            return 1;
        }

        RunPlan plan;
        using (var ports = new FreePorts())
        {
            plan = RunPlan.Make(flags, context.Environment, ports.Take, Path.Exists, random);
        }

        using var stop = new CancellationTokenSource();
        using var kill = new CancellationTokenSource();
        using var signals = new SignalRegistrations(stop, kill);
        return await RunAsync(plan, stop, kill.Token);
    }

    private async Task<int> RunAsync(RunPlan plan, CancellationTokenSource stop, CancellationToken kill)
    {
        Say($"Starting sidecar of {plan.AppId}. HTTP port: {Number(plan.HttpPort)}. gRPC port: {Number(plan.GrpcPort)}");
        using var sidecar = ChildProcess.Start(
            self, [SidecarFile(), .. plan.SidecarArguments], context.Environment.All, redirect: false, context.Time);
        var ended = EndOf(sidecar, stop);

        // An app with a port is started at once, because the sidecar waits for it; any other finds a sidecar that answers.
        if (plan.AppPort is null)
        {
            await WaitForPortsAsync(plan, stop.Token);
        }

        int? appExitCode = null;
        if (plan.AppCommand.Count > 0 && !stop.IsCancellationRequested)
        {
            appExitCode = await RunAppAsync(plan, sidecar, stop, kill);
        }
        else
        {
            await Cancelled(stop.Token);
        }

        // A sidecar that ended by itself, badly, is what went wrong, whatever the app made of its SIGTERM.
        var failedFirst = sidecar.Exited.IsCompleted && sidecar.ExitCode != 0;
        await sidecar.StopAsync(SidecarPatience, kill);
        await ended;
        return failedFirst || appExitCode is null ? sidecar.ExitCode : appExitCode.Value;
    }

    /// <summary>The app from start to end; its exit code.</summary>
    private async Task<int> RunAppAsync(RunPlan plan, ChildProcess sidecar, CancellationTokenSource stop, CancellationToken kill)
    {
        ChildProcess app;
        try
        {
            app = ChildProcess.Start(self, plan.AppCommand, AppEnvironment(plan), redirect: true, context.Time);
        }
        catch (Win32Exception e)
        {
            context.StandardError.Write($"{plan.AppCommand[0]}: {e.Message}\n");
            return 1;
        }

        using (app)
        {
            var prefix = "== APP == "u8.ToArray();
            using var standardError = Console.OpenStandardError();
            var copies = Task.WhenAll(
                LinePrefix.CopyAsync(app.Output, context.StandardOutput, prefix, _outputGate),
                LinePrefix.CopyAsync(app.Error, standardError, prefix, _outputGate));
            var ended = EndOf(app, stop);
            await TellSidecarAsync(plan, app.Id, stop.Token);
            await Cancelled(stop.Token);
            if (sidecar.Exited.IsCompleted)
            {
                Say($"The sidecar ended with {Number(sidecar.ExitCode)}; stopping the app");
            }

            await app.StopAsync(AppPatience, kill);
            await ended;
            await Task.WhenAny(copies, Task.Delay(OutputPatience, context.Time, CancellationToken.None));
            return app.ExitCode;
        }
    }

    private async Task Cancelled(CancellationToken token) => await Task.WhenAny(Task.Delay(Timeout.InfiniteTimeSpan, context.Time, token));

    /// <summary>Observes a child: its end is the end of all.</summary>
    private static async Task EndOf(ChildProcess child, CancellationTokenSource stop)
    {
        await child.Exited;
        await stop.CancelAsync();
    }

    private async Task WaitForPortsAsync(RunPlan plan, CancellationToken stop)
    {
        foreach (var port in (int[])[plan.HttpPort, plan.GrpcPort])
        {
            if (plan.HttpSocketPath is not null || !await UntilAsync(token => AcceptsAsync(port, token), stop))
            {
                return;
            }
        }
    }

    private static async Task<bool> AcceptsAsync(int port, CancellationToken cancellationToken)
    {
        using var socket = await LocalHttp.ConnectAsync("127.0.0.1", port, cancellationToken);
        return true;
    }

    /// <summary>Puts what <c>dapr list</c> and <c>dapr stop</c> look for into the sidecar's metadata.</summary>
    private async Task TellSidecarAsync(RunPlan plan, int appId, CancellationToken stop)
    {
        (string Key, string Value)[] entries =
        [
            ("cliPID", Number(Environment.ProcessId)),
            ("appPID", Number(appId)),
            ("appCommand", string.Join(' ', plan.AppCommand)),
        ];
        foreach (var (key, value) in entries)
        {
            if (!await UntilAsync(token => PutMetadataAsync(plan, key, value, token), stop))
            {
                if (!stop.IsCancellationRequested)
                {
                    context.StandardError.Write($"could not tell the sidecar its {key}\n");
                }

                return;
            }
        }
    }

    private async Task<bool> PutMetadataAsync(RunPlan plan, string key, string value, CancellationToken cancellationToken)
    {
        var status = await LocalHttp.SendAsync(
            token => plan.HttpSocketPath is { } path
                ? LocalHttp.ConnectAsync(path, token)
                : LocalHttp.ConnectAsync("127.0.0.1", plan.HttpPort, token),
            "PUT",
            $"/v1.0/metadata/{key}",
            value,
            context.Environment.ApiToken,
            cancellationToken);
        return status == 204;
    }

    /// <summary>Tries until it works; false when patience or the whole run ended first, or the sidecar answered with a refusal.</summary>
    private async Task<bool> UntilAsync(Func<CancellationToken, Task<bool>> attempt, CancellationToken stop)
    {
        var start = context.Time.GetTimestamp();
        while (context.Time.GetElapsedTime(start) < SidecarStartPatience && !stop.IsCancellationRequested)
        {
            try
            {
                return await attempt(stop);
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                // Not there yet.
                await Task.WhenAny(Task.Delay(PollPeriod, context.Time, stop));
            }
            catch (OperationCanceledException)
            {
                return false;
            }
        }

        return false;
    }

    private Dictionary<string, string> AppEnvironment(RunPlan plan)
    {
        var environment = new Dictionary<string, string>(context.Environment.All, StringComparer.Ordinal);
        foreach (var name in ownVariables)
        {
            environment.Remove(name);
        }

        foreach (var (name, value) in plan.AppVariables)
        {
            environment[name] = value;
        }

        return environment;
    }

    /// <summary>The symlink daprd beside this program, if it is one: <c>dapr list</c> finds sidecars by that name.</summary>
    private string SidecarFile()
    {
        var link = Path.Combine(Path.GetDirectoryName(self) ?? "", "daprd");
        return File.Exists(link) && File.ResolveLinkTarget(link, returnFinalTarget: true)?.FullName == self ? link : self;
    }

    private void Say(string line)
    {
        lock (_outputGate)
        {
            context.StandardOutput.Write(Encoding.UTF8.GetBytes($"{line}\n"));
            context.StandardOutput.Flush();
        }
    }

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    /// <summary>
    /// The first signal stops in order, another one kills. Also the terminal's end: the children would outlive it in groups of their own.
    /// </summary>
    private sealed class SignalRegistrations : IDisposable
    {
        private readonly List<PosixSignalRegistration> _registrations = [];

        private int _count;

        public SignalRegistrations(CancellationTokenSource stop, CancellationTokenSource kill)
        {
            foreach (var signal in (PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP, PosixSignal.SIGQUIT])
            {
                _registrations.Add(PosixSignalRegistration.Create(signal, context =>
                {
                    context.Cancel = true;
                    // A closing terminal may say so more than once; that is no impatience.
                    var isFirst = Interlocked.Increment(ref _count) == 1 || context.Signal == PosixSignal.SIGHUP;
                    (isFirst ? stop : kill).Cancel();
                }));
            }
        }

        public void Dispose() => _registrations.ForEach(static registration => registration.Dispose());
    }
}
