using FastSidecar.Integration.Samples;
using Xunit;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>
/// What the native binary makes of YAML whose names the reader checks: the regular expressions behind that are cut out of it
/// (src/FastSidecar/Substitutions.xml), and nothing else may have changed.
/// </summary>
public sealed class ConfigurationFileTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [BinaryFact(needsNetwork: false)]
    public async Task AnchorAndTagDirective_Read()
    {
        Write(directive: "%TAG !dapr! tag:dapr.io,2026:", anchor: "&the-name_1");
        await using var sidecar = SidecarUnderTest.Start("--config", _file);

        await sidecar.LogsAsync("Enabled features: HotReload WorkflowsRemoteActivityReminder anchored");
    }

    [BinaryTheory]
    [InlineData("%TAG !dapr! tag:dapr.io,2026:", "&the{name", "found value containing disallowed")]
    [InlineData("%TAG !da?pr! tag:dapr.io,2026:", "&the-name", "did not find expected '!'")]
    public async Task NameThatIsNone_EndsTheStart(string directive, string anchor, string reason)
    {
        Write(directive, anchor);
        await using var sidecar = SidecarUnderTest.Start("--config", _file);
        var ending = await sidecar.EndsAsync();

        Assert.Equal(1, ending.ExitCode);
        Assert.Contains(reason, ending.Log, StringComparison.Ordinal);
    }

    private void Write(string directive, string anchor) => File.WriteAllText(
        _file,
        $"""
        {directive}
        ---
        apiVersion: dapr.io/v1alpha1
        kind: Configuration
        metadata:
          name: {anchor} anchored
        spec:
          features:
          - name: *{anchor[1..]}
            enabled: true
        """);
}
