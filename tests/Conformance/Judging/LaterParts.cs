namespace FastSidecar.Conformance.Judging;

/// <summary>What may be left for later: the parts that the issue names, and where the recordings touch them. Nothing else may be.</summary>
internal static class LaterParts
{
    /// <summary><c>Cases</c> narrows a file to the cases whose name contains it.</summary>
    private static readonly (string Part, string File, string Cases)[] All =
    [
        ("tracing", "http/tracing", ""),
        ("api-lists", "http/api-lists", ""),
        ("external", "http/external", ""),
        ("external", "http/api-logging", "url target"),
        ("external", "http/apphealth", "outbound call to URL"),
        ("app-https", "http/app-https", ""),
        ("metadata's `full`", "http/metadata", "full"),
        ("api-logging's `obf`", "http/api-logging", "obf"),
        ("resiliency policies of the user", "grpc/resiliency", ""),
        ("resiliency policies of the user", "grpc/proxy", "resiliency-"),
        ("access control", "grpc/callee", "acl-default-deny"),
        ("tracing", "grpc/pool", "tracing-sampling-"),
        ("external", "grpc/api", "httpapp-id-url"),
    ];

    /// <summary>The case belongs to a part that may be left, whether it matches already or not.</summary>
    public static bool Contain(string file, string name) =>
        All.Any(part => part.File == file && name.Contains(part.Cases, StringComparison.Ordinal));
}
