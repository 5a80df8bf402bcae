using System.ComponentModel;
using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.Clients;

/// <summary>Packages of npm that tests use: installed once for each folder, beside the published binary.</summary>
internal static class NpmPackages
{
    /// <summary>Copies the files of <paramref name="source"/> to <paramref name="folder"/> and installs there what they name. Gives the reason why it cannot be done.</summary>
    public static string? Install(string source, string folder)
    {
        if (Tool.Missing("node", "npm") is { } missing)
        {
            return missing;
        }

        Directory.CreateDirectory(folder);
        foreach (var file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }

        // Written by npm when it has finished.
        var installed = new FileInfo(Path.Combine(folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc > File.GetLastWriteTimeUtc(Path.Combine(source, "package-lock.json")))
        {
            return null;
        }

        try
        {
            var result = Tool.RunInAsync(folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts").GetAwaiter().GetResult();
            return result.ExitCode == 0 ? null : $"npm cannot install the packages of {Path.GetFileName(source)}: {result.Errors.Split('\n')[0]}";
        }
        catch (Exception e) when (e is TimeoutException or Win32Exception)
        {
            return $"npm cannot install the packages of {Path.GetFileName(source)}: {e.Message.Split('\n')[0]}";
        }
    }
}
