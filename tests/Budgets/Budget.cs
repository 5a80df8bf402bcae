using System.Text.Json.Serialization;

namespace FastSidecar.Budgets;

/// <summary>Who measures a budget, and what it needs.</summary>
internal enum Meter
{
    /// <summary>The published binary as a file.</summary>
    Binary,

    /// <summary>
    /// Two sidecars and an app: threads before any request, then, requests one after the other, system calls and bytes from the metrics
    /// page.
    /// </summary>
    Request,

    /// <summary>The same under callgrind.</summary>
    RequestInstructions,

    /// <summary>Two sidecars and a gRPC app: system calls and bytes of proxied unary calls, one after the other.</summary>
    Call,

    /// <summary>The same under callgrind.</summary>
    CallInstructions,

    /// <summary>The operations of perf/Micro under callgrind.</summary>
    OperationInstructions,
}

/// <summary>What something may cost: a line of perf/budgets.json.</summary>
internal sealed record Budget
{
    public required string Name { get; init; }

    [JsonPropertyName("budget")]
    public required double Value { get; init; }

    public required double MarginPercent { get; init; }

    /// <summary>Beside the margin, in the budget's unit: a cost of nearly nothing would have a margin of nothing.</summary>
    public double Slack { get; init; }

    /// <summary>What must hold on every machine, margin or not.</summary>
    public double? Cap { get; init; }

    public required string Unit { get; init; }

    /// <summary>How it is measured.</summary>
    public required Meter Meter { get; init; }

    /// <summary>
    /// What the compiler makes of the code: on another architecture or framework than the budgets' own it is another number.
    /// </summary>
    [JsonIgnore]
    public bool DependsOnCompiler => Meter is Meter.Binary or Meter.RequestInstructions or Meter.CallInstructions or Meter.OperationInstructions;

    /// <summary>The most that is no regression.</summary>
    /// <param name="extraPercent">For a machine that the budget was not made on.</param>
    public double Limit(double extraPercent = 0) =>
        Math.Min((Value * (1 + ((MarginPercent + extraPercent) / 100))) + Slack, Cap ?? double.PositiveInfinity);
}
