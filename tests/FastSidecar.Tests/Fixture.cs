using System.Text.Json;
using Xunit;

namespace FastSidecar.Tests;

/// <summary>A file of what a real daprd did, copied beside the test binary from tests/Conformance/fixtures.</summary>
internal static class Fixture
{
    public static JsonElement Load(string path)
    {
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "fixtures", path));
        return JsonDocument.Parse(file).RootElement.Clone();
    }

    public static IEnumerable<JsonElement> Cases(string path) => Load(path).GetProperty("cases").EnumerateArray();

    public static JsonElement Case(string path, string name) => Cases(path).Single(c => c.GetProperty("name").GetString() == name);

    public static TheoryData<string> Names(string path, Func<JsonElement, bool> isWanted)
    {
        var names = new TheoryData<string>();
        foreach (var recorded in Cases(path).Where(isWanted))
        {
            names.Add(recorded.GetProperty("name").GetString()!);
        }

        return names;
    }

    public static IEnumerable<string> Texts(this JsonElement owner, string property) =>
        owner.TryGetProperty(property, out var list) ? list.EnumerateArray().Select(static item => item.GetString()!) : [];
}
