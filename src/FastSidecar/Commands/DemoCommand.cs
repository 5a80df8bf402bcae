using System.Net.Sockets;
using System.Runtime.InteropServices;
using FastSidecar.Commands.Demo;

namespace FastSidecar.Commands;

/// <summary>
/// <c>fastsidecar demo</c>: two small apps with a sidecar process each, calls from one to the other in every form, and what they cost. Needs nothing but the binary.
/// </summary>
internal static class DemoCommand
{
    private const string Usage = """
        fastsidecar demo [--keep]

        Starts two small apps and a sidecar for each, calls one app from the other, and measures what that costs.
          --keep   leaves everything running until Ctrl-C, to be tried with curl
        """;

    /// <summary>Runs the demo and gives the exit code: 0, or 1 when anything went otherwise than it should; the output then says what.</summary>
    public static async Task<int> RunAsync(string[] args, TextWriter output, TimeProvider time)
    {
        var keep = args is ["--keep"];
        if (args.Length > 0 && !keep)
        {
            var asked = args is ["--help"] or ["-h"];
            output.WriteLine(asked ? Usage : $"fastsidecar demo: unknown argument \"{args[0]}\"\n{Usage}");
            return asked ? 0 : 1;
        }

        using var interrupted = new CancellationTokenSource();
        using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Interrupt(context, interrupted));
        using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Interrupt(context, interrupted));
        var report = new DemoReport(output);
        DemoMesh? mesh = null;
        string? failure = null;
        try
        {
            mesh = new DemoMesh(time);
            await RunAsync(mesh, keep, report, time, interrupted.Token);
            return 0;
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            // Said below, when everything has ended.
        }
        catch (Exception e) when (e is DemoException or IOException or SocketException)
        {
            failure = interrupted.IsCancellationRequested ? null : e.Message;
        }
        finally
        {
            if (mesh is not null)
            {
                await mesh.DisposeAsync();
            }
        }

        // Only now are the logs complete.
        if (failure is null)
        {
            report.Interrupted();
        }
        else
        {
            report.Failed(failure, mesh);
        }

        return 1;
    }

    private static async Task RunAsync(DemoMesh mesh, bool keep, DemoReport report, TimeProvider time, CancellationToken interrupted)
    {
        await mesh.StartAsync(interrupted);
        report.Started(mesh);

        await new DemoCalls(mesh, report, time).RunAsync(interrupted);
        report.Cost(await new DemoMeasurement(mesh, time).RunAsync(interrupted));

        report.NextSteps(mesh, keep);
        if (keep)
        {
            await KeepAsync(mesh, report, interrupted);
        }

        report.Stopped(await mesh.StopAsync(expectOrderly: !interrupted.IsCancellationRequested));
    }

    /// <summary>Shows what the apps see until Ctrl-C.</summary>
    private static async Task KeepAsync(DemoMesh mesh, DemoReport report, CancellationToken interrupted)
    {
        try
        {
            while (true)
            {
                report.Saw(await mesh.Sightings.ReadAsync(interrupted));
            }
        }
        catch (OperationCanceledException)
        {
            // Ctrl-C: the end that was asked for.
        }
    }

    private static void Interrupt(PosixSignalContext context, CancellationTokenSource interrupted)
    {
        context.Cancel = true;
        interrupted.Cancel();
    }
}
