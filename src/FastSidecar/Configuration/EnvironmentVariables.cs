using System.Collections;

namespace FastSidecar.Configuration;

/// <summary>A snapshot of the process's environment: the one place that reads it.</summary>
internal sealed record EnvironmentVariables
{
    private readonly IReadOnlyDictionary<string, string> _all;

    public EnvironmentVariables(IReadOnlyDictionary<string, string> all) => _all = all;

    public static EnvironmentVariables Read()
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            all[(string)entry.Key] = (string?)entry.Value ?? "";
        }

        return new EnvironmentVariables(all);
    }

    /// <summary>The value of <paramref name="name"/>, null when it is not set.</summary>
    public string? this[string name] => _all.GetValueOrDefault(name);

    public IReadOnlyDictionary<string, string> All => _all;

    /// <summary>What callers of the APIs must send; empty: no token is asked for.</summary>
    public string ApiToken => this["DAPR_API_TOKEN"] ?? "";

    /// <summary>Sent to the app with every call; empty: nothing is sent.</summary>
    public string AppApiToken => this["APP_API_TOKEN"] ?? "";

    /// <summary>
    /// The sidecar's namespace: <c>default</c> when unset, but a variable set to nothing is an empty namespace (dapr
    /// pkg/security/security.go).
    /// </summary>
    public string Namespace => this["NAMESPACE"] ?? "default";

    /// <summary>Replaces the detected address of this host; empty: detect.</summary>
    public string HostIp => this["DAPR_HOST_IP"] ?? "";

    /// <summary>HTTP/2 in cleartext on the HTTP API port is switched off (dapr pkg/api/http/server.go).</summary>
    public bool HttpH2cDisabled => IsTruthy("DAPR_HTTP_DISABLE_H2C");

    /// <summary>Name of the variable behind <see cref="SkipsUserCheck"/>.</summary>
    public const string SkipUserCheckName = "DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK";

    /// <summary>A sidecar in Kubernetes may be root; only the exact word <c>true</c> says so (dapr pkg/security/usergroup.go).</summary>
    public bool SkipsUserCheck => this[SkipUserCheckName] == "true";

    /// <summary>PEM text of the trust anchors; empty: none given.</summary>
    public string TrustAnchors => this["DAPR_TRUST_ANCHORS"] ?? "";

    /// <summary>Used when the flag is absent; null: not set.</summary>
    public string? ControlPlaneTrustDomain => this["DAPR_CONTROLPLANE_TRUST_DOMAIN"];

    /// <summary>Used when the flag is absent; null: not set.</summary>
    public string? ControlPlaneNamespace => this["DAPR_CONTROLPLANE_NAMESPACE"];

    /// <summary>Where <c>run</c> finds the files that <c>dapr init</c> made, without <c>.dapr</c>; empty: the home folder.</summary>
    public string RuntimePath => this["DAPR_RUNTIME_PATH"] ?? "";

    public string Home => this["HOME"] ?? "";

    /// <summary>dapr/kit strings.IsTruthy.</summary>
    private bool IsTruthy(string name) =>
        this[name]?.Trim().ToLowerInvariant() is "y" or "yes" or "true" or "t" or "on" or "1";
}
