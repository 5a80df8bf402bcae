using System.Net.Sockets;
using System.Runtime.InteropServices;
using FastSidecar.Commands.Bench;
using FastSidecar.Commands.Demo;
using FastSidecar.Configuration.Flags;

namespace FastSidecar.Commands;

/// <summary>
/// <c>fastsidecar bench</c>: what two sidecars add to a call on this machine, with limits whose excess is an exit code. Needs
/// nothing but the binary.
/// </summary>
/// <param name="output">For the table or the JSON, and nothing else.</param>
/// <param name="error">For everything that is said beside it.</param>
/// <param name="time">The clock.</param>
/// <param name="random">Gives the order of runs.</param>
internal sealed class BenchCommand(TextWriter output, TextWriter error, TimeProvider time, Random random)
{
    private const int Fine = 0;
    private const int LimitExceeded = 1;
    private const int BadUsage = 2;
    private const int Void = 3;

    private const string About = """
        Measures what two sidecars add to a call on this machine: starts an app and two sidecars, and sends requests to the app itself and
        through both sidecars. Every block has four runs: either way at a rate, for latency, and either way as fast as answers come, for
        CPU time and throughput. Every answer is compared byte by byte.


        """;

    private const string ExitCodes = """

        Durations are Go's: 500us, 1.5ms. Limits are compared with medians.
        Exit code: 0; 1 when a limit is exceeded; 2 for flags that cannot be taken; 3 when there is no result, because an answer was
        wrong or missing, something did not start, or it was interrupted.

        """;

    public async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        var explanation = new StringWriter();
        if (new BenchFlags().Read(args, explanation, out var read) is not { } options)
        {
            var asked = read == FlagReadResult.Help;
            (asked ? output : error).Write(asked ? $"{About}{explanation}{ExitCodes}" : explanation.ToString());
            return asked ? Fine : BadUsage;
        }

        using var interrupted = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Interrupt(context, interrupted));
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Interrupt(context, interrupted));
        return await MeasureAsync(options, interrupted.Token) is { } result ? Report(result) : Void;
    }

    /// <summary>Null when there is no result; why not has been said, and nothing is left running.</summary>
    private async Task<BenchResult?> MeasureAsync(BenchOptions options, CancellationToken interrupted)
    {
        DemoMesh? mesh = null;
        string failure;
        try
        {
            // Ids of its own: another bench or demo on this machine is not called.
            mesh = new DemoMesh(time, $"bench-caller-{Environment.ProcessId}", $"bench-callee-{Environment.ProcessId}");
            await mesh.StartAsync(interrupted);
            error.WriteLine($"measuring for {options.Duration.TotalSeconds:F0} s: {options.Blocks} blocks");
            var result = await new BenchMeasurement(mesh, options, time, random).RunAsync(interrupted);
            await mesh.StopAsync(expectOrderly: true);
            return result;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            failure = "";
        }
        catch (Exception e) when (e is BenchException or DemoException or IOException or SocketException)
        {
            failure = e.Message;
        }
        finally
        {
            if (mesh is not null)
            {
                await mesh.DisposeAsync();
            }
        }

        // Only now are the sidecars' logs complete. An interrupt ends sidecars in a terminal as well, and what follows from that is
        // not what went wrong.
        if (interrupted.IsCancellationRequested)
        {
            error.WriteLine("interrupted: no result; nothing is left running");
        }
        else
        {
            WriteFailure(failure, mesh);
        }

        return null;
    }

    private void WriteFailure(string failure, DemoMesh? mesh)
    {
        error.WriteLine($"void: {failure}");
        foreach (var sidecar in mesh is null ? [] : (DemoSidecar[])[mesh.Shop, mesh.Warehouse])
        {
            foreach (var line in sidecar.Log())
            {
                error.WriteLine($"  {sidecar.AppId}: {line}");
            }
        }
    }

    private int Report(BenchResult result)
    {
        if (result.Options.Json)
        {
            output.WriteLine(BenchJson.Of(result));
        }
        else
        {
            new BenchReport(result, output).Write();
        }

        var limits = result.Limits();
        BenchReport.WriteExceeded(limits, error);
        return limits.Exists(static limit => limit.IsExceeded) ? LimitExceeded : Fine;
    }

    private static void Interrupt(PosixSignalContext context, CancellationTokenSource interrupted)
    {
        context.Cancel = true;
        interrupted.Cancel();
    }
}
