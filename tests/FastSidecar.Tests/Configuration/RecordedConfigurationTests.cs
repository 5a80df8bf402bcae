using System.Text.Json;
using FastSidecar.Configuration;
using FastSidecar.Configuration.Yaml;
using Xunit;

namespace FastSidecar.Tests.Configuration;

/// <summary>Every recorded Configuration file of daprd: what it makes of it, or with which words it ends.</summary>
public sealed class RecordedConfigurationTests : IDisposable
{
    private const string File = "runtime/config.json";

    private readonly string _folder = Directory.CreateTempSubdirectory("fastsidecar-").FullName;

    public static TheoryData<string> AllCases => Fixture.Names(File, static _ => true);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(AllCases))]
    public void RecordedFiles_SameResult(string name)
    {
        var recorded = Fixture.Case(File, name);
        var fatal = recorded.Texts("stdout_log").SingleOrDefault(static line => line.StartsWith("fatal ", StringComparison.Ordinal));
        if (fatal is not null && !fatal.Contains("access control", StringComparison.Ordinal))
        {
            var exception = Assert.Throws<SidecarStartException>(() => Load(recorded));
            Assert.Equal(fatal, $"fatal {exception.Problem.Scope} | {exception.Problem.Message}");
            return;
        }

        var configuration = Load(recorded);
        if (recorded.TryGetProperty("during", out var during))
        {
            Assert.Equal(during.Texts("enabledFeatures"), configuration.EnabledFeatures);
        }

        Assert.Equal(RecordedRate(recorded), configuration.Tracing.SamplingRate);
        Assert.Equal(RecordedResolver(recorded), ResolverOf(configuration));
    }

    [Theory]
    [InlineData("api-logging", true)]
    [InlineData("api-logging-flag-off-wins", true)]
    [InlineData("bool-yes", false)]
    public void ApiLogging_ReadFromFile(string name, bool enabled) =>
        Assert.Equal(enabled, Load(Fixture.Case(File, name)).ApiLogging.Enabled);

    [Fact]
    public void UnknownKeys_NamedWithFileAndLine()
    {
        var keys = Load(Fixture.Case(File, "unknown-fields")).UnknownKeys;

        Assert.Equal([$"{_folder}/0.yaml: spec.surprise (line 6)", $"{_folder}/0.yaml: spec.tracing.other (line 9)"], keys.ToArray());
    }

    [Fact]
    public void SecondDocument_Ignored()
    {
        var configuration = LoadTexts(
            "spec: {nameResolution: {component: a}}\n---\nspec: {nameResolution: {component: b}}\n---\n: [broken\n");

        Assert.Equal("a", configuration.NameResolution.Component);
    }

    [Fact]
    public void ResolverConfiguration_KeptAsItStands()
    {
        var configuration = LoadTexts(
            "spec:\n  nameResolution:\n    component: sqlite\n    configuration:\n      connectionString: x.db\n      cleanupInterval: 0\n");

        var mapping = Assert.IsType<YamlMapping>(configuration.NameResolution.Configuration);
        Assert.Equal("x.db", Assert.IsType<YamlScalar>(mapping["connectionString"]).Text);
        Assert.Equal(YamlTag.Int, mapping["cleanupInterval"]!.Tag);
    }

    [Fact]
    public void SeveralTypeErrors_AllNamed()
    {
        const string Text = "spec:\n  logging:\n    apiLogging:\n      enabled: 1\n      omitHealthChecks: [a]\n  features: x\n";

        var exception = Assert.Throws<SidecarStartException>(() => LoadTexts(Text));

        Assert.Equal(
            "Fatal error from runtime: error loading configuration: yaml: unmarshal errors:\n"
            + "  line 4: cannot unmarshal !!int `1` into bool\n"
            + "  line 5: cannot unmarshal !!seq into bool\n"
            + "  line 6: cannot unmarshal !!str `x` into []config.FeatureSpec",
            exception.Problem.Message);
    }

    [Fact]
    public void DeepNesting_RefusedNotCrashed()
    {
        var exception = Assert.Throws<SidecarStartException>(() => LoadTexts("a: " + new string('[', 100_000)));

        Assert.Contains("yaml: ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Folder_RecordedReason() =>
        Assert.Equal(
            $"Fatal error from runtime: error loading configuration: read {_folder}: is a directory",
            Assert.Throws<SidecarStartException>(() => ConfigurationLoader.Load([_folder], static _ => null)).Message);

    [Fact]
    public void ZeroRate_SwitchesTracingOff() =>
        Assert.False(LoadTexts("spec: {tracing: {samplingRate: \"0.0\"}}").Tracing.IsEnabled);

    private ConfigurationResource Load(JsonElement recorded)
    {
        var environment = new Dictionary<string, string>();
        if (recorded.TryGetProperty("env", out var env))
        {
            foreach (var variable in env.EnumerateObject())
            {
                environment[variable.Name] = variable.Value.GetString()!;
            }
        }

        var options = new SidecarOptions { AppId = "myapp" };
        return LoadTexts(ConfigurationLoader.Variables(new EnvironmentVariables(environment), options, 1, null), [.. recorded.Texts("files")]);
    }

    private ConfigurationResource LoadTexts(string text) => LoadTexts(static _ => null, [text]);

    private ConfigurationResource LoadTexts(Func<string, string?> lookUp, string[] texts)
    {
        var paths = texts.Select((text, index) => (Path: Path.Combine(_folder, $"{index}.yaml"), Text: text)).ToList();
        paths.ForEach(static file => System.IO.File.WriteAllText(file.Path, file.Text));
        return ConfigurationLoader.Load([.. paths.Select(static file => file.Path)], lookUp);
    }

    private static double RecordedRate(JsonElement recorded)
    {
        const string Before = "TraceIDRatioBased{";
        var line = recorded.Texts("config_lines").FirstOrDefault(static line => line.Contains(Before, StringComparison.Ordinal));
        return line is null ? 1e-4 : double.Parse(line.Split(Before)[1].Split('}')[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>"name" or, where daprd could not make it, "name/version".</summary>
    private static string RecordedResolver(JsonElement recorded)
    {
        foreach (var line in recorded.Texts("config_lines"))
        {
            if (line.Split("Initialized name resolution to ") is [_, var name])
            {
                return name;
            }

            if (line.Contains("occurred for nr (", StringComparison.Ordinal))
            {
                return line.Split("occurred for nr (")[1].Split('/')[0];
            }
        }

        return "mdns";
    }

    private static string ResolverOf(ConfigurationResource configuration) =>
        configuration.NameResolution.Component is { Length: > 0 } component ? component : "mdns";
}
