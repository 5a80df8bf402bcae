using System.Collections.Immutable;
using System.Globalization;
using FastSidecar.Configuration.Yaml;

namespace FastSidecar.Configuration;

/// <summary>
/// Dapr's resource Configuration: what is used of it, with Dapr's defaults. Later sections (metrics, tracing exporters, access control, API
/// lists, pipelines) become further properties, read from the same tree.
/// </summary>
internal sealed record ConfigurationResource
{
    /// <summary>What daprd runs with when no file is given.</summary>
    public static ConfigurationResource Default { get; } = From(new YamlSection());

    public required NameResolutionSection NameResolution { get; init; }

    public required ApiLoggingSection ApiLogging { get; init; }

    public required TracingSection Tracing { get; init; }

    /// <summary>Names that <c>/v1.0/metadata</c> and one log line list.</summary>
    public required ImmutableArray<string> EnabledFeatures { get; init; }

    /// <summary>Keys of the files that nothing reads, each with its file.</summary>
    public ImmutableArray<string> UnknownKeys { get; init; } = [];

    internal static ConfigurationResource From(YamlSection root)
    {
        var spec = root.Section("spec");
        var resolution = spec.Section("nameResolution");
        var apiLogging = spec.Section("logging").Section("apiLogging");
        return new ConfigurationResource
        {
            NameResolution = new NameResolutionSection
            {
                Component = resolution.Text("component"),
                Version = resolution.Text("version") is { Length: > 0 } version ? version : "v1",
                Configuration = resolution.Any("configuration"),
            },
            ApiLogging = new ApiLoggingSection
            {
                Enabled = apiLogging.Boolean("enabled"),
                ObfuscateUrls = apiLogging.Boolean("obfuscateURLs"),
                OmitHealthChecks = apiLogging.Boolean("omitHealthChecks"),
            },
            Tracing = new TracingSection { SamplingRateText = spec.Section("tracing").Text("samplingRate") },
            EnabledFeatures = ReadFeatures(spec),
        };
    }

    /// <summary>
    /// Two features are on unless the file says otherwise; the first mention of a default one decides (pkg/config/configuration.go,
    /// LoadFeatures).
    /// </summary>
    private static ImmutableArray<string> ReadFeatures(YamlSection spec)
    {
        var named = new List<(string Name, bool Enabled)>();
        foreach (var feature in spec.Sections("features"))
        {
            named.Add((feature.Text("name"), feature.Boolean("enabled")));
        }

        foreach (var name in (string[])["HotReload", "WorkflowsRemoteActivityReminder"])
        {
            if (!named.Exists(feature => feature.Name == name))
            {
                named.Add((name, true));
            }
        }

        var enabled = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var (name, isEnabled) in named)
        {
            if (name.Length > 0)
            {
                _ = isEnabled ? enabled.Add(name) : enabled.Remove(name);
            }
        }

        return [.. enabled];
    }
}

/// <summary><c>spec.nameResolution</c>.</summary>
internal sealed record NameResolutionSection
{
    /// <summary>The resolver; empty: the mode's own (mdns, in Kubernetes kubernetes).</summary>
    public string Component { get; init; } = "";

    public string Version { get; init; } = "v1";

    /// <summary>Passed to the resolver as it stands; null: nothing given.</summary>
    public YamlValue? Configuration { get; init; }
}

/// <summary><c>spec.logging.apiLogging</c>.</summary>
internal sealed record ApiLoggingSection
{
    /// <summary>Counts unless <c>--enable-api-logging</c> was given.</summary>
    public bool Enabled { get; init; }

    /// <summary>Log the operation's name in place of the URL.</summary>
    public bool ObfuscateUrls { get; init; }

    public bool OmitHealthChecks { get; init; }
}

/// <summary><c>spec.tracing</c>.</summary>
internal sealed record TracingSection
{
    private const double DefaultSamplingRate = 1e-4;

    /// <summary>As given; empty: not given.</summary>
    public string SamplingRateText { get; init; } = "";

    /// <summary>
    /// The share of traces that are recorded; Dapr's default where the text is no number (pkg/diagnostics/utils/trace_utils.go).
    /// </summary>
    public double SamplingRate =>
        double.TryParse(SamplingRateText, NumberStyles.Float, CultureInfo.InvariantCulture, out var rate) ? rate : DefaultSamplingRate;

    /// <summary>A rate of 0 switches the trace headers off, not only the recording.</summary>
    public bool IsEnabled => SamplingRate != 0;
}
