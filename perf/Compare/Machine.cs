namespace FastSidecar.Compare;

/// <summary>Where and of what a run was.</summary>
internal sealed record Machine(
    string Processor,
    int Processors,
    double MemoryGigabytes,
    string Kernel,
    string System,
    string Clock,
    string Commit,
    bool IsDirty,
    string Date)
{
    public static Machine Read(string repository, DateTimeOffset now)
    {
        var commit = Programs.Output("git", "-C", repository, "rev-parse", "--short", "HEAD") ?? "unknown";
        var changes = Programs.Output("git", "-C", repository, "status", "--porcelain", "--", "src", "perf", "build", "aot.props");
        return new Machine(
            Line("/proc/cpuinfo", "model name") ?? Line("/proc/cpuinfo", "CPU part") ?? "unknown",
            Environment.ProcessorCount,
            Math.Round(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9, 1),
            Programs.Output("uname", "-srm") ?? "unknown",
            Line("/etc/os-release", "PRETTY_NAME", '=')?.Trim('"') ?? "unknown",
            File.Exists(ClockSource) ? File.ReadAllText(ClockSource).Trim() : "unknown",
            commit,
            changes is { Length: > 0 },
            now.ToString("yyyy-MM-dd", null));
    }

    private const string ClockSource = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

    private static string? Line(string path, string name, char separator = ':') => File.Exists(path)
        ? File.ReadLines(path).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal))?.Split(separator, 2)[1].Trim()
        : null;
}
