using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>Runs the published load generator, a new process for every measurement.</summary>
internal sealed class LoadProgram(string path)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    public async Task<LoadResult> RunAsync(string url, Scenario scenario, double seconds, double warmUp, IEnumerable<int> processes)
    {
        List<string> arguments =
        [
            "run", "--url", url, "--method", scenario.Method, "--body", Text(scenario.SendBytes), "--connections", Text(scenario.Connections),
            "--expect-status", Text(scenario.ExpectStatus), "--expect-body", Text(scenario.ExpectBytes), "--seconds", Text(seconds), "--warm-up", Text(warmUp),
            "--targets", Text(scenario.Targets),
        ];
        if (scenario.Rate is { } rate)
        {
            arguments.AddRange(["--rate", Text(rate)]);
        }

        foreach (var process in processes)
        {
            arguments.AddRange(["--pid", Text(process)]);
        }

        return JsonSerializer.Deserialize(await OutputAsync(arguments, seconds + warmUp), LoadJson.Default.LoadResult)!;
    }

    public async Task<StartResult> StartAsync(string url, int status, int runs, IReadOnlyList<string> command) =>
        JsonSerializer.Deserialize(
            await OutputAsync(["start", "--url", url, "--expect-status", Text(status), "--runs", Text(runs), "--", .. command], runs * 5),
            LoadJson.Default.StartResult)!;

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<string> OutputAsync(IEnumerable<string> arguments, double seconds)
    {
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Programs.KeepOutSurroundings(start);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds) + Patience);
        try
        {
            var error = process.StandardError.ReadToEndAsync(limit.Token);
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return process.ExitCode == 0 ? output : throw new LoadException((await error).Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new LoadException($"the load generator did not end within {Patience.TotalSeconds} s of its time");
        }
    }
}
