using System.Diagnostics;
using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>A fact that makes network namespaces and may need further programs; counted as skipped, with the reason, where that cannot be.</summary>
internal sealed class NamespaceFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> NoNamespaces = new(ProbeNamespaces);

    /// <param name="programs">Programs that must be there, and Python modules as <c>python:NAME</c>.</param>
    public NamespaceFactAttribute(params string[] programs)
    {
        Skip = NoNamespaces.Value ?? programs.Select(Missing).FirstOrDefault(static reason => reason is not null);
    }

    /// <summary>Where Debian's own Python finds Debian's modules, whatever else is on the path.</summary>
    public const string Python = "/usr/bin/python3";

    private static string? ProbeNamespaces()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "network namespaces exist on Linux only";
        }

        var name = $"fsprobe{Environment.ProcessId}";
        var works = Succeeds("ip", "netns", "add", name);
        Succeeds("ip", "netns", "del", name);
        return works ? null : "cannot make network namespaces: needs root and iproute2";
    }

    private static string? Missing(string program)
    {
        if (program.StartsWith("python:", StringComparison.Ordinal))
        {
            var module = program["python:".Length..];
            return Succeeds(Python, "-c", $"import {module}") ? null : $"needs python3 with the module {module} (Debian: python3-{module})";
        }

        return Succeeds("sh", "-c", $"command -v {program}") ? null : $"needs {program}";
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
