using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastSidecar.Budgets;

/// <summary>perf/budgets.json.</summary>
internal sealed record BudgetFile
{
    public static string Path { get; } = System.IO.Path.Combine(Repository.Root, "perf", "budgets.json");

    /// <summary>What the budgets were measured on.</summary>
    public required Platform Platform { get; init; }

    /// <summary>Added to the margin of what depends on the compiler, everywhere else.</summary>
    public required double ElsewherePercent { get; init; }

    public required IReadOnlyList<Budget> Budgets { get; init; }

    public static BudgetFile Read() => JsonSerializer.Deserialize(File.ReadAllText(Path), BudgetJson.Default.BudgetFile)!;

    public Budget this[string name] => Budgets.Single(budget => budget.Name == name);

    /// <summary>The judgement on a measured cost.</summary>
    /// <param name="platform">What it was measured on.</param>
    public Verdict Judge(Budget budget, double measured, Platform platform) =>
        new(budget, measured, budget.DependsOnCompiler && platform != Platform ? ElsewherePercent : 0);

    /// <summary>Makes budgets of what was measured; margins stay. What was not measured keeps its budget.</summary>
    public BudgetFile With(IEnumerable<Verdict> verdicts, Platform platform)
    {
        var measured = verdicts.ToDictionary(verdict => verdict.Budget.Name, verdict => verdict.Measured);
        return this with
        {
            Platform = platform,
            Budgets =
            [
                .. Budgets.Select(budget => measured.TryGetValue(budget.Name, out var value) ? budget with { Value = value } : budget),
            ],
        };
    }

    public void Write() => File.WriteAllText(Path, JsonSerializer.Serialize(this, BudgetJson.Default.BudgetFile) + "\n");
}

/// <param name="Framework">The one that the sidecar was published for.</param>
internal sealed record Platform(string Framework, Architecture Architecture);

[JsonSourceGenerationOptions(
    WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(BudgetFile))]
internal sealed partial class BudgetJson : JsonSerializerContext;
