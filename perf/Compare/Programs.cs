using System.ComponentModel;
using System.Diagnostics;

namespace FastSidecar.Compare;

/// <summary>Programs of this machine.</summary>
internal static class Programs
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static bool Exists(string command) => Find(command) is not null;

    /// <summary>Its path, looked up as a shell would.</summary>
    public static string? Find(string command) => command.Contains('/', StringComparison.Ordinal)
        ? File.Exists(command) ? command : null
        : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Select(folder => Path.Combine(folder, command))
            .FirstOrDefault(File.Exists);

    /// <summary>What a command writes, both streams; null when it cannot be run or fails.</summary>
    public static string? Output(params IReadOnlyList<string> command)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var error = process.StandardError.ReadToEndAsync();
            var text = process.StandardOutput.ReadToEnd();
            return process.WaitForExit(Limit) && process.ExitCode == 0 ? (text + error.Result).Trim() : null;
        }
        catch (Win32Exception)
        {
            return null;
        }
    }

    /// <summary>
    /// Takes out what would make a run on one machine differ from that on another: settings of the runtime, and of a sidecar that this
    /// shell belongs to.
    /// </summary>
    public static void KeepOutSurroundings(ProcessStartInfo start)
    {
        foreach (var name in start.Environment.Keys.Where(IsOfSurroundings).ToArray())
        {
            start.Environment.Remove(name);
        }
    }

    private static bool IsOfSurroundings(string name) =>
        name.StartsWith("DOTNET_", StringComparison.Ordinal) || name.StartsWith("DAPR_", StringComparison.Ordinal)
        || name.StartsWith("APP_", StringComparison.Ordinal) || name is "NAMESPACE" or "POD_NAME";
}
