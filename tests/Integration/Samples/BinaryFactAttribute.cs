using System.Diagnostics;
using Xunit;

namespace FastSidecar.Integration.Samples;

/// <summary>A fact that runs the published program, and others; counted as skipped, with the reason, where one is missing.</summary>
internal sealed class BinaryFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> NoNetworks = new(ProbeNetworks);

    /// <param name="needsNetwork">It runs in a network namespace of its own (root, iproute2).</param>
    /// <param name="programs">What else has to be installed.</param>
    public BinaryFactAttribute(bool needsNetwork, params string[] programs)
    {
        Skip = File.Exists(Repository.Binary) ? null : "no artifacts/fastsidecar: run `make build`";
        foreach (var program in programs)
        {
            Skip ??= Succeeds("sh", "-c", $"command -v {program}") ? null : $"needs {program}, which is not installed";
        }

        Skip ??= needsNetwork ? NoNetworks.Value : null;
    }

    private static string? ProbeNetworks()
    {
        var name = $"fsprobe-binary-{Environment.ProcessId}";
        var works = Succeeds("ip", "netns", "add", name);
        Succeeds("ip", "netns", "del", name);
        return works ? null : "needs network namespaces (root and iproute2)";
    }

    private static bool Succeeds(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            return process.WaitForExit(TimeSpan.FromSeconds(10)) && process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
