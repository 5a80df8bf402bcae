namespace FastSidecar.Integration.Samples;

/// <summary>A step of a sample's README: the commands of one <c>sh</c> block, and what the <c>text</c> blocks below it say is printed.</summary>
internal sealed record SampleStep(string Commands, IReadOnlyList<IReadOnlyList<string>> Printed);

/// <summary>The README of a sample, read for what it tells its reader to run.</summary>
internal static class SampleReadme
{
    /// <summary>The steps in order, without <c>make build</c>.</summary>
    public static IReadOnlyList<SampleStep> Read(string sample)
    {
        var steps = new List<SampleStep>();
        foreach (var (language, text) in Blocks(File.ReadAllLines(Path.Combine(Repository.Root, "samples", sample, "README.md"))))
        {
            if (language == "sh")
            {
                steps.Add(new SampleStep(string.Join('\n', text), []));
            }
            else if (language == "text")
            {
                steps[^1] = steps[^1] with { Printed = [.. steps[^1].Printed, text] };
            }
        }

        return [.. steps.Where(static step => step.Commands != "make build")];
    }

    private static IEnumerable<(string Language, List<string> Text)> Blocks(string[] lines)
    {
        const string Fence = "```";
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith(Fence, StringComparison.Ordinal))
            {
                continue;
            }

            var language = lines[i][Fence.Length..];
            var text = new List<string>();
            while (lines[++i] != Fence)
            {
                text.Add(lines[i]);
            }

            yield return (language, text);
        }
    }
}
