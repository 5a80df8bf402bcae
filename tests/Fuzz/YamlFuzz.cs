using System.Text;
using FastSidecar.Configuration;
using FastSidecar.Configuration.Yaml;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>Any text as a configuration file: options or a YamlReadException, and the same when it is read once more.</summary>
public sealed class YamlFuzz
{
    /// <summary>The YAML parser under it is slow; its own faults are not what is looked for.</summary>
    private const int Inputs = 1_000;

    private static readonly byte[][] Seeds =
    [
        .. new[]
        {
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: c\nspec:\n  tracing:\n    samplingRate: \"1\"\n",
            "spec:\n  nameResolution: &a\n    component: mdns\n    version: v1\n    configuration:\n      k: [1, 0x1f, .5, ~, true]\n  api:\n    <<: *a\n",
            "spec: {metrics: {enabled: no, latencyDistributionBuckets: [1, 2]}, features: [{name: x, enabled: yes}]}\n---\nmore: 1\n",
            "# only a comment\n",
            "a: 'b\n  c'\nd: |\n  e\n  f\ng: >-\n  h\n? i\n: j\n!!str k: !!int 7\n",
            "spec:\n  httpPipeline:\n    handlers:\n    - name: a\n      type: b\n      selector: {fields: [{field: c, value: d}]}\n",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    [Fact]
    public void AnyText() => FuzzRun.Run(Seeds, Read, Inputs);

    private static void Read(byte[] bytes, Random random)
    {
        var text = Encoding.UTF8.GetString(bytes);
        Assert.Equal(Outcome(text), Outcome(text));
    }

    private static string Outcome(string text)
    {
        var decoder = new YamlDecoder();
        var root = new YamlSection();
        try
        {
            if (YamlReader.Read(text) is { } document)
            {
                decoder.Decode(document, ConfigurationSchema.Root, root);
            }

            ConfigurationResource.From(root);
            return string.Join('\n', decoder.UnknownKeys);
        }
        catch (YamlReadException e)
        {
            Assert.StartsWith("yaml: ", e.Message, StringComparison.Ordinal);
            return e.Message;
        }
    }
}
