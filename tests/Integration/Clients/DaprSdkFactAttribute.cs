using System.ComponentModel;
using FastSidecar.Integration.Samples;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>
/// A fact that needs Dapr's JavaScript SDK. It is installed once, beside the published binary; without npm or without a registry the test is skipped and says so.
/// </summary>
internal sealed class DaprSdkFactAttribute : FactAttribute
{
    private static readonly Lazy<string?> Problem = new(Install);

    public DaprSdkFactAttribute()
    {
        Skip = Problem.Value;
    }

    /// <summary>Untracked, and gone with `make clean`.</summary>
    public static string Folder { get; } = Path.Combine(Repository.Root, "artifacts", "dapr-sdk");

    private static string? Install()
    {
        if (Tool.Missing("node", "npm") is { } missing)
        {
            return missing;
        }

        var source = Path.Combine(Repository.Root, "tests", "Integration", "Clients", "DaprSdk");
        Directory.CreateDirectory(Folder);
        foreach (var file in Directory.GetFiles(source))
        {
            File.Copy(file, Path.Combine(Folder, Path.GetFileName(file)), overwrite: true);
        }

        // Written by npm when it has finished.
        var installed = new FileInfo(Path.Combine(Folder, "node_modules", ".package-lock.json"));
        if (installed.Exists && installed.LastWriteTimeUtc > File.GetLastWriteTimeUtc(Path.Combine(source, "package-lock.json")))
        {
            return null;
        }

        try
        {
            var result = Tool.RunInAsync(Folder, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts").GetAwaiter().GetResult();
            return result.ExitCode == 0 ? null : $"npm cannot install @dapr/dapr: {result.Errors.Split('\n')[0]}";
        }
        catch (Exception e) when (e is TimeoutException or Win32Exception)
        {
            return $"npm cannot install @dapr/dapr: {e.Message.Split('\n')[0]}";
        }
    }
}
