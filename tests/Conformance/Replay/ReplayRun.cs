using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;

namespace FastSidecar.Conformance.Replay;

/// <summary>
/// Replays files at the same time, each by a child process in a network of its own, and judges what came back. A case that differs in
/// nothing but a moment is tried once more alone: a busy machine may have been late.
/// </summary>
internal sealed class ReplayRun(ReplayOptions options, KnownDifferences known, Action<string, IReadOnlyList<Verdict>> fileDone)
{
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
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = _isolated ? options.Parallel : 1 };
        var waiting = files.Where(f => _isolated && ReplayPlan.OnlyWaits(f)).ToList();
        var beside = waiting.Select(RunAndReportAsync).ToList();
        await Parallel.ForEachAsync(ReplayPlan.LongestFirst(files.Except(waiting)), parallel, async (file, _) => await RunAndReportAsync(file));
        await Task.WhenAll(beside);
        return [.. verdicts];

        async Task RunAndReportAsync(string file)
        {
            var ofFile = await RunFileAsync(file);
            foreach (var verdict in ofFile)
            {
                verdicts.Add(verdict);
            }

            fileDone(file, ofFile);
        }
    }

    private bool CanRun(string file)
    {
        if (_isolated || !ReplayPlan.NeedsNetwork(file))
        {
            return true;
        }

        Console.Error.WriteLine($"SKIPPED {file}: it needs a network namespace (root, util-linux, iproute2)");
        return false;
    }

    private async Task<IReadOnlyList<Verdict>> RunFileAsync(string file)
    {
        var verdicts = await ReplayAsync(file, options.CasePattern, "");
        var again = verdicts.Where(v => v.Kind == VerdictKind.Different && v.IsOnlyLate).Select(v => v.Case).ToList();
        if (again.Count == 0 || ReplayPlan.RunsInOrder(file))
        {
            return verdicts;
        }

        var pattern = $"^({string.Join('|', again.Select(System.Text.RegularExpressions.Regex.Escape))})$";
        var second = (await ReplayAsync(file, pattern, "-again")).ToDictionary(v => v.Case);
        return [.. verdicts.Select(v => v.Fails && second.TryGetValue(v.Case, out var other) && !other.Fails ? other : v)];
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
        var actual = File.Exists(results)
            ? File.ReadLines(results).Select(l => JsonNode.Parse(l)!.AsObject()).ToDictionary(r => r["name"]!.GetValue<string>(), r => r["actual"]!.AsObject())
            : [];
        return
        [
            .. CaseFile.Load(file).Cases
                .Where(c => System.Text.RegularExpressions.Regex.IsMatch(CaseFile.NameOf(c), pattern))
                .Select(c => Verdict.Of(file, c, actual.GetValueOrDefault(CaseFile.NameOf(c)), known, compareMarks: options.Perturbation.IsNone)),
        ];
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
