namespace FastSidecar.Budgets;

internal static class Repository
{
    /// <summary>The folder of the solution.</summary>
    public static string Root { get; } = Find(AppContext.BaseDirectory);

    /// <summary>The published sidecar.</summary>
    public static string Sidecar { get; } = Path.Combine(Root, "artifacts", "fastsidecar");

    /// <summary>The published operations.</summary>
    public static string Micro { get; } = Path.Combine(Root, "artifacts", "perf", "micro");

    private static string Find(string folder) =>
        File.Exists(Path.Combine(folder, "FastSidecar.slnx"))
            ? folder
            : Find(Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("no solution above the tests"));
}
