namespace FastSidecar.Conformance.Cases;

/// <summary>Configuration files that a recording describes in words (<c>words</c> of the fixture) and names by path in its flags.</summary>
internal static class RecordedConfigurations
{
    /// <summary>File name → text, to be written to <c>{{TMP}}</c> before the processes start.</summary>
    public static IReadOnlyDictionary<string, string> For(string file) => file switch
    {
        "http/api-lists" => new Dictionary<string, string>
        {
            ["deny.yaml"] = Configuration("api:\n    denied:\n    - name: invoke\n      version: v1.0\n      protocol: http"),
            ["allow.yaml"] = Configuration("api:\n    allowed:\n    - name: invoke\n      version: v1.0\n      protocol: http"),
            ["dm.yaml"] = Configuration("api:\n    denied:\n    - name: metadata\n      version: v1\n      protocol: http"),
        },
        "http/api-logging" => new Dictionary<string, string>
        {
            ["cfg.yaml"] = Configuration("logging:\n    apiLogging:\n      enabled: true\n      obfuscateURLs: true\n      omitHealthChecks: true"),
        },
        "http/tracing" => new Dictionary<string, string>
        {
            ["t0.yaml"] = Configuration("tracing:\n    samplingRate: \"0\""),
            ["t1.yaml"] = Configuration("tracing:\n    samplingRate: \"1\""),
        },
        _ => new Dictionary<string, string>(),
    };

    private static string Configuration(string spec) =>
        $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: recorded\nspec:\n  {spec}\n";
}
