namespace FastSidecar.Conformance.Replay;

/// <summary>Files of the repository this assembly was built in.</summary>
internal static class Repository
{
    /// <summary>A file, found from a folder above this assembly; null when there is none.</summary>
    public static string? Find(params string[] path)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var file = Path.Combine([folder.FullName, .. path]);
            if (File.Exists(file))
            {
                return file;
            }
        }

        return null;
    }
}
