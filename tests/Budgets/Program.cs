using FastSidecar.Budgets;

// `make perf-check`: exit code 0 when every cost is within its budget, 1 when one is not, 2 when something could not be measured.
var update = args is ["--update"];
if (args.Length > 0 && !update)
{
    Console.Error.WriteLine("budgets            measures, compares with perf/budgets.json, and fails where a cost is above its budget");
    Console.Error.WriteLine("budgets --update   writes what is measured as new budgets");
    return 2;
}

var gate = new Gate();
var missing = gate.File.Budgets.Select(budget => Gate.Missing(budget.Meter)).OfType<string>().Distinct().ToArray();
if (missing.Length > 0)
{
    Console.Error.WriteLine($"missing: {string.Join(", ", missing)} (build/install-test-peers.sh installs it where it may)");
    return 2;
}

foreach (var budget in gate.File.Budgets)
{
    await gate.JudgeAsync(budget);
}

Console.Write(CostTable.Of(gate.Verdicts));
if (update)
{
    gate.Update();
    Console.WriteLine($"written to {BudgetFile.Path}");
    return 0;
}

return gate.Verdicts.Any(verdict => verdict.IsAbove) ? 1 : 0;
