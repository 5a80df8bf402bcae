namespace FastSidecar.Invocation;

/// <summary>How the app is reached, as <c>/v1.0/metadata</c> shows it (dapr pkg/api/universal/metadata.go v1.18.3).</summary>
internal sealed record AppConnectionProperties
{
    /// <summary>The app's port; 0 without an app.</summary>
    public int Port { get; init; }

    /// <summary>http, https, h2c, grpc or grpcs.</summary>
    public string Protocol { get; init; } = "http";

    public string ChannelAddress { get; init; } = "127.0.0.1";

    /// <summary>Most concurrent requests to the app; 0 or less is unlimited and not shown.</summary>
    public int MaxConcurrency { get; init; }

    /// <summary>Null when app health checks are off.</summary>
    public AppHealthProperties? Health { get; init; }
}

/// <summary>App health checks as metadata shows them; durations in Go's notation.</summary>
internal sealed record AppHealthProperties(string? CheckPath, string ProbeInterval, string ProbeTimeout, int Threshold);

/// <summary>
/// What a sidecar says about itself, and the values that clients store with it. Thread-safe; nothing survives the process.
/// </summary>
internal sealed class RuntimeMetadata
{
    private const string VersionKey = "daprRuntimeVersion";

    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, byte[]> _extended = new(StringComparer.Ordinal);

    public RuntimeMetadata(string appId, string runtimeVersion, AppConnectionProperties app)
    {
        AppId = appId;
        RuntimeVersion = runtimeVersion;
        App = app;
        _extended[VersionKey] = System.Text.Encoding.UTF8.GetBytes(runtimeVersion);
    }

    public string AppId { get; }

    public string RuntimeVersion { get; }

    public AppConnectionProperties App { get; }

    /// <summary>The start has come to its end; before, Dapr's actors count as initializing.</summary>
    public bool IsInitialized { get; set; }

    /// <summary>Features that daprd 1.18.3 reports as enabled by default.</summary>
    public IReadOnlyList<string> EnabledFeatures { get; } = ["HotReload", "WorkflowsRemoteActivityReminder"];

    /// <summary>
    /// Stores a value, which need not be valid UTF-8; the last one wins. An empty key and the version's own key change nothing.
    /// </summary>
    public void Set(string key, byte[] value)
    {
        if (key.Length == 0 || key == VersionKey)
        {
            return;
        }

        lock (_lock)
        {
            _extended[key] = value;
        }
    }

    /// <summary>All stored values, ordered by key.</summary>
    public KeyValuePair<string, byte[]>[] Extended()
    {
        lock (_lock)
        {
            return [.. _extended];
        }
    }
}
