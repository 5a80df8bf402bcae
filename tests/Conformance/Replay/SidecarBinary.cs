namespace FastSidecar.Conformance.Replay;

/// <summary>Finds the published sidecar.</summary>
internal static class SidecarBinary
{
    public const string Variable = "FASTSIDECAR_BINARY";

    /// <summary>The path given in the environment, else <c>artifacts/daprd</c> in a folder above this assembly; null when there is none.</summary>
    public static string? Find()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given)
        {
            return Path.GetFullPath(given);
        }

        return Repository.Find("artifacts", "daprd");
    }
}
