using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using FastSidecar.Load;
using FastSidecar.Load.Ticks;

namespace FastSidecar.Compare;

/// <summary>Runs the published load generator, a new process for every measurement.</summary>
internal sealed class LoadProgram(string path)
{
    /// <summary>Whom gRPC calls are for, where there are app ids.</summary>
    public const string AppId = "backend";

    private const string Measuring = "measuring ";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <param name="measuring">Called when the warm-up is over, with the answers so far.</param>
    public async Task<LoadResult> RunAsync(
        string url, Scenario scenario, double seconds, double warmUp, IEnumerable<int> processes, Func<long, Task>? measuring = null)
    {
        List<string> arguments =
        [
            "run", "--url", url, "--method", scenario.Method, "--body", Text(scenario.SendBytes), "--targets", Text(scenario.Targets),
            "--chunked", Text(scenario.ChunkBytes),
            "--connections", Text(scenario.Connections), "--seconds", Text(seconds), "--warm-up", Text(warmUp),
            "--expect-status", Text(scenario.ExpectStatus), "--expect-body", Text(scenario.ExpectBytes),
        ];
        if (scenario.Grpc)
        {
            arguments.AddRange(["--grpc", "--streams", Text(scenario.Streams), "--header", $"dapr-app-id: {AppId}"]);
        }

        if (scenario.Rate is { } rate)
        {
            arguments.AddRange(["--rate", Text(rate)]);
        }

        foreach (var process in processes)
        {
            arguments.AddRange(["--pid", Text(process)]);
        }

        return JsonSerializer.Deserialize(await OutputAsync(arguments, seconds + warmUp, measuring), LoadJson.Default.LoadResult)!;
    }

    public async Task<StartResult> StartAsync(string url, int status, int runs, IReadOnlyList<string> command) =>
        JsonSerializer.Deserialize(
            await OutputAsync(["start", "--url", url, "--expect-status", Text(status), "--runs", Text(runs), "--", .. command], runs * 5),
            LoadJson.Default.StartResult)!;

    public async Task<TickResult> TicksAsync(string url, int streams, double seconds, IEnumerable<int> processes) =>
        JsonSerializer.Deserialize(
            await OutputAsync(
                [
                    "ticks", "--url", url, "--streams", Text(streams), "--seconds", Text(seconds), "--header", $"dapr-app-id: {AppId}",
                    .. processes.SelectMany(process => new[] { "--pid", Text(process) }),
                ],
                seconds),
            LoadJson.Default.TickResult)!;

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<string> OutputAsync(IEnumerable<string> arguments, double seconds, Func<long, Task>? measuring = null)
    {
        var start = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        Programs.KeepOutSurroundings(start);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(seconds) + Patience);
        try
        {
            var error = ReadErrorAsync(process.StandardError, measuring, limit.Token);
            var output = await process.StandardOutput.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            var complaint = await error;
            return process.ExitCode == 0 ? output : throw new LoadException(complaint.Trim());
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new LoadException($"the load generator did not end within {Patience.TotalSeconds} s of its time");
        }
    }

    /// <summary>What it complains about, without the line that says that it measures now.</summary>
    private static async Task<string> ReadErrorAsync(StreamReader error, Func<long, Task>? measuring, CancellationToken cancellationToken)
    {
        var rest = new List<string>();
        while (await error.ReadLineAsync(cancellationToken) is { } line)
        {
            if (!line.StartsWith(Measuring, StringComparison.Ordinal))
            {
                rest.Add(line);
            }
            else if (measuring is not null)
            {
                await measuring(long.Parse(line.AsSpan(Measuring.Length), CultureInfo.InvariantCulture));
            }
        }

        return string.Join('\n', rest);
    }
}
