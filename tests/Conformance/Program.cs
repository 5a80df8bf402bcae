using System.Text.Json.Nodes;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Replay;

namespace FastSidecar.Conformance;

/// <summary>The replayer as a program: for developers, and as its own child inside a network namespace.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        ReplayOptions options;
        try
        {
            options = ReplayOptions.Parse(arguments);
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }

        if (options.WritePage)
        {
            return WritePage();
        }

        return options.ResultFile is null ? await ReplayAsync(options) : await ReplayHereAsync(options);
    }

    private static int WritePage()
    {
        var page = Repository.Find("docs", "compatibility.md") ?? throw new FileNotFoundException("docs/compatibility.md");
        var known = KnownDifferences.Load(Repository.Find("tests", "Conformance", "differences.json")!);
        File.WriteAllText(page, CompatibilityPage.With(File.ReadAllText(page), known));
        return 0;
    }

    private static async Task<int> ReplayAsync(ReplayOptions options)
    {
        var report = new ReplayReport(Console.Out, options);
        var run = new ReplayRun(options, KnownDifferences.Load(Path.Combine(AppContext.BaseDirectory, "differences.json")), report.FileDone);
        var verdicts = await run.RunAsync();
        report.End(verdicts, run.Folder);
        return verdicts.Any(v => v.Fails) ? 1 : 0;
    }

    /// <summary>The child: replays its files in the network it finds and writes one result per line.</summary>
    private static async Task<int> ReplayHereAsync(ReplayOptions options)
    {
        using var results = new StreamWriter(options.ResultFile!) { AutoFlush = true };
        var settings = new ReplaySettings
        {
            Binary = options.Binary!,
            Folder = options.Keep!,
            HostIp = options.Here ? IsolatedNetwork.HostIpHere : IsolatedNetwork.HostIp,
            ExtraEnvironment = options.Here ? new Dictionary<string, string> { ["DAPR_HOST_IP"] = IsolatedNetwork.HostIpHere } : [],
            ExtraFlags = options.Here ? ["--mdns-interface", "lo"] : [],
            CasePattern = options.CasePattern,
            Perturbation = options.Perturbation,
        };
        try
        {
            foreach (var file in options.Files)
            {
                await new FileReplay(settings, Write).RunAsync(file);
            }

            return 0;
        }
        catch (InvalidOperationException e)
        {
            Console.Error.WriteLine($"{string.Join(' ', options.Files)}: {e.Message}");
            return 1;
        }

        void Write(JsonObject result) => results.WriteLine(result.ToJsonString());
    }
}
