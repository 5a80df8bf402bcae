using System.Text.Json;
using Xunit;

namespace FastSidecar.Tests.Resolution;

/// <summary>What a real daprd 1.18.3 did, from tests/Conformance/fixtures/runtime.</summary>
internal static class RecordedCases
{
    public static IReadOnlyList<JsonElement> Read(string file)
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !Directory.Exists(Path.Combine(folder.FullName, "tests", "Conformance", "fixtures")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        var text = File.ReadAllText(Path.Combine(folder.FullName, "tests", "Conformance", "fixtures", "runtime", file));
        return [.. JsonDocument.Parse(text).RootElement.GetProperty("cases").EnumerateArray()];
    }

    public static string Name(this JsonElement recorded) => recorded.GetProperty("name").GetString()!;
}
