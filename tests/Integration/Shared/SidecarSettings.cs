namespace FastSidecar.Integration.Shared;

/// <summary>How one sidecar is started.</summary>
internal sealed record SidecarSettings
{
    public required string AppId { get; init; }

    /// <summary>Null for a sidecar without an app.</summary>
    public int? AppPort { get; init; }

    /// <summary>The internal port, where a test has to know it before the start; 0 takes a free one.</summary>
    public int InternalPort { get; init; }

    /// <summary>A Configuration resource; empty for none.</summary>
    public string Configuration { get; init; } = "";

    public IReadOnlyList<string> Flags { get; init; } = [];

    /// <summary>Variables beside PATH and HOME.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// False starts without waiting for readiness, which waits for the app without limit.
    /// </summary>
    public bool WaitsForReady { get; init; } = true;

    /// <summary>An app id that no other test of this or another run on this machine has: they all share mDNS on the loopback interface.</summary>
    public static string UniqueId(string role) => $"{role}-{System.Environment.ProcessId}-{Interlocked.Increment(ref _count)}";

    private static int _count;
}
