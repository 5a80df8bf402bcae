using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay;

/// <summary>What every replay of this process shares.</summary>
internal sealed record ReplaySettings
{
    public required string Binary { get; init; }

    /// <summary>Scratch folder: logs, resources, results.</summary>
    public required string Folder { get; init; }

    /// <summary>The address sidecars find for themselves.</summary>
    public required string HostIp { get; init; }

    /// <summary>Flags given to every sidecar on top of the recorded ones.</summary>
    public IReadOnlyList<string> ExtraFlags { get; init; } = [];

    /// <summary>Variables given to every sidecar on top of the recorded ones.</summary>
    public Dictionary<string, string> ExtraEnvironment { get; init; } = [];

    /// <summary>How the bytes arrive.</summary>
    public Perturbation Perturbation { get; init; } = Perturbation.None;

    /// <summary>Only cases whose name matches.</summary>
    public string CasePattern { get; init; } = "";
}
