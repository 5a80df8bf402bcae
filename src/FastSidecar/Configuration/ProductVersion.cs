namespace FastSidecar.Configuration;

/// <summary>What the program says about its version.</summary>
internal static class ProductVersion
{
    /// <summary>
    /// The Dapr version whose behaviour this is: metadata's <c>runtimeVersion</c>, log field <c>ver</c>, <c>daprd --version</c>.
    /// </summary>
    public const string Dapr = "1.18.3";

    /// <summary>FastSidecar's own version; the project's Version property is the same.</summary>
    public const string Own = "0.1.0";
}
