using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Conformance.Replay;

/// <summary>
/// Replays files at the same time, each by a child process in a network of its own, and judges what came back. A case that differs in
/// nothing but a moment is tried once more when all others are done, and may then be late by the time in which the machine had no CPU for
/// somebody (<see cref="FairClock"/>): on a machine at rest none.
/// </summary>
internal sealed class ReplayRun(ReplayOptions options, KnownDifferences known, Action<string, IReadOnlyList<Verdict>> fileDone)
{
    private const string Again = "-again";

    private readonly string _folder = options.Keep ?? Directory.CreateTempSubdirectory("conformance").FullName;
    private readonly string _binary = options.Binary ?? SidecarBinary.Find()
        ?? throw new FileNotFoundException($"no artifacts/daprd above {AppContext.BaseDirectory}: build it, or name it in {SidecarBinary.Variable}");

    private readonly bool _isolated = !options.Here && IsolatedNetwork.IsAvailable;

    /// <summary>Logs, resources and results of the run.</summary>
    public string Folder => _folder;

    public async Task<IReadOnlyList<Verdict>> RunAsync()
    {
        var files = (options.Files.Count > 0 ? options.Files : ReplayPlan.Files).Where(CanRun).ToList();
        var verdicts = new ConcurrentBag<Verdict>();
        var late = new ConcurrentBag<(string File, IReadOnlyList<Verdict> Verdicts)>();
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _isolated ? options.Parallel : 1 };
        var waiting = files.Where(f => _isolated && ReplayPlan.OnlyWaits(f)).ToList();
        var beside = waiting.Select(RunAndReportAsync).ToList();
        await Parallel.ForEachAsync(ReplayPlan.LongestFirst(files.Except(waiting)), parallel, async (file, _) => await RunAndReportAsync(file));
        await Task.WhenAll(beside);
        foreach (var (file, first) in late)
        {
            Report(file, await AgainAsync(file, first));
        }

        return [.. verdicts];

        async Task RunAndReportAsync(string file)
        {
            var first = await ReplayAsync(file, options.CasePattern, "");
            if (first.Any(IsLate))
            {
                late.Add((file, first));
                return;
            }

            Report(file, first);
        }

        void Report(string file, IReadOnlyList<Verdict> ofFile)
        {
            foreach (var verdict in ofFile)
            {
                verdicts.Add(verdict);
            }

            fileDone(file, ofFile);
        }
    }

    /// <summary>Also one that is listed for being sooner than daprd and was as late.</summary>
    private static bool IsLate(Verdict verdict) =>
        verdict is { Kind: VerdictKind.Different, IsOnlyLate: true } or { Kind: VerdictKind.ListedButMatches };

    private bool CanRun(string file)
    {
        if (_isolated || !ReplayPlan.NeedsNetwork(file))
        {
            return true;
        }

        Console.Error.WriteLine($"SKIPPED {file}: it needs a network namespace (root, util-linux, iproute2)");
        return false;
    }

    /// <summary>The cases that were late once more; all of a file whose cases build on each other.</summary>
    private async Task<IReadOnlyList<Verdict>> AgainAsync(string file, IReadOnlyList<Verdict> first)
    {
        var names = first.Where(IsLate).Select(static v => v.Case).ToList();
        var pattern = ReplayPlan.RunsInOrder(file)
            ? options.CasePattern
            : $"^({string.Join('|', names.Select(System.Text.RegularExpressions.Regex.Escape))})$";
        var second = (await ReplayAsync(file, pattern, Again)).ToDictionary(static v => v.Case);
        return [.. first.Select(v => IsLate(v) && second.TryGetValue(v.Case, out var other) && !other.Fails ? other : v)];
    }

    private async Task<IReadOnlyList<Verdict>> ReplayAsync(string file, string pattern, string suffix)
    {
        var folder = Path.Combine(_folder, file.Replace('/', '-') + suffix);
        Directory.CreateDirectory(folder);
        var results = Path.Combine(folder, "results.jsonl");
        File.Delete(results);
        await RunChildAsync(
        [
            Dotnet, typeof(ReplayRun).Assembly.Location, file, "--cases", pattern, "--binary", _binary, "--keep", folder, "--results", results,
            .. options.Perturb.Length > 0 ? (string[])["--perturb", options.Perturb] : [],
            .. _isolated ? (string[])[] : ["--here"],
        ]);
        var replayed = File.Exists(results)
            ? File.ReadLines(results).Select(static l => JsonNode.Parse(l)!.AsObject()).ToDictionary(static r => r["name"]!.GetValue<string>())
            : [];
        return
        [
            .. CaseFile.Load(file).Cases
                .Where(c => System.Text.RegularExpressions.Regex.IsMatch(CaseFile.NameOf(c), pattern))
                .Select(Judge),
        ];

        Verdict Judge(JsonObject recorded)
        {
            var result = replayed.GetValueOrDefault(CaseFile.NameOf(recorded));
            var lateSeconds = suffix == Again ? result?["lost_s"]?.GetValue<double>() ?? 0 : 0;
            return Verdict.Of(file, recorded, result?["actual"]!.AsObject(), known, compareMarks: options.Perturbation.IsNone, lateSeconds);
        }
    }

    private async Task RunChildAsync(IReadOnlyList<string> command)
    {
        var start = _isolated ? IsolatedNetwork.Wrap(command) : new ProcessStartInfo(command[0], command.Skip(1));
        using var child = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(8));
        try
        {
            await child.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            child.Kill(entireProcessTree: true);
        }
    }

    /// <summary>The dotnet program of the runtime we run on: &lt;root&gt;/shared/Microsoft.NETCore.App/&lt;version&gt;/.</summary>
    private static string Dotnet => Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));
}
