using FastSidecar.Integration.Samples;
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

    private static string? Install() => NpmPackages.Install(Path.Combine(Repository.Root, "tests", "Integration", "Clients", "DaprSdk"), Folder);
}
