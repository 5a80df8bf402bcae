namespace FastSidecar.Integration.Samples;

/// <summary>The repository this test was built from.</summary>
internal static class Repository
{
    public static readonly string Root = FindRoot();

    /// <summary>Where <c>make build</c> puts the program.</summary>
    public static readonly string Binary = Path.Combine(Root, "artifacts", "fastsidecar");

    private static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "FastSidecar.slnx")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the repository");
    }
}
