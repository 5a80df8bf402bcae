using FastSidecar.Compare;
using FastSidecar.Load;

// make perf: measures every arm and writes results/<date>-<commit>. Exit code 0, or 1 when a run was void or nothing could be measured.
try
{
    var time = TimeProvider.System;
    var began = time.GetTimestamp();
    var repository = Directory.GetCurrentDirectory();
    var options = CompareOptions.Parse(args);
    var plan = options.IsQuick ? Plan.Quick : Plan.Full;
    plan = plan with { Blocks = options.Blocks ?? plan.Blocks };
    var scenarios = plan.ScenariosOf().Where(scenario => options.Scenarios?.Contains(scenario.Name) ?? true).ToArray();
    var folders = options.Arms.Select(name => Path.Combine(repository, "perf/Arms", name)).Concat(options.MoreArms)
        .ToDictionary(folder => Path.GetFileName(folder));

    using var bench = await Bench.PrepareAsync(repository, [.. folders.Values], Console.Out);
    var descriptions = bench.Arms.Select(arm => ArmDescription.Of(arm, folders[arm.Name]))
        .Append(ArmDescription.Of(bench.App, Path.Combine(repository, "perf/Arms/app"))).ToArray();
    foreach (var (arm, name, text) in descriptions.SelectMany(arm => arm.Files.Select(file => (arm.Name, file.Key, file.Value))))
    {
        Console.WriteLine($"--- {arm}/{name}\n{text.TrimEnd()}");
    }

    var machine = Machine.Read(repository, time.GetLocalNow());
    var findings = await new Session(bench, plan, scenarios, Console.Out, time).RunAsync();
    var outcomes = Outcome.Of(findings.Runs);
    var report = new Report
    {
        Machine = machine,
        Plan = plan,
        Command = options.IsQuick ? "make perf QUICK=1" : "make perf",
        Seconds = time.GetElapsedTime(began).TotalSeconds,
        Scenarios = scenarios,
        Arms = descriptions,
        Findings = findings,
        Outcomes = outcomes,
        Claims = new Claims(
            outcomes, findings.Memory, findings.Starts, findings.Ticks, descriptions.FirstOrDefault(arm => arm.Name == "fastsidecar")?.BinaryBytes).All(),
    };
    var folder = options.Results ?? ResultFolder.Choose(Path.Combine(repository, "results"), machine, plan);
    report.Write(folder);
    foreach (var claim in report.Claims.Where(claim => claim.IsMeasured))
    {
        var bar = $"{(claim.IsUpper ? "at most" : "at least")} {claim.Bar}";
        Console.WriteLine($"{(claim.Holds ? "holds" : "FAILS"),-5}  {claim.Value.Median,8:0.00} {claim.Unit,-2} ({bar})  {claim.Name}");
    }

    Console.WriteLine($"{folder}/report.md");
    return findings.Problems.Count == 0 ? 0 : 1;
}
catch (Exception e) when (e is CompareException or LoadException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
