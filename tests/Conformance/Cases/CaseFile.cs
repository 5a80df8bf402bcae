using System.Text.Json;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Cases;

/// <summary>One recorded file, for instance <c>http/routing</c>: the processes it ran and its cases.</summary>
internal sealed class CaseFile
{
    private CaseFile(string name, JsonNode document)
    {
        Name = name;
        Cases = [.. (document as JsonArray ?? document["cases"]!.AsArray()).Select(c => c!.AsObject())];
        Processes = document is JsonObject o && o["processes"] is JsonObject processes
            ? [.. processes.Select(p => new RecordedProcess(p.Key, p.Value!.AsObject()))]
            : [];
    }

    /// <summary>Area and file name without extension.</summary>
    public string Name { get; }

    public IReadOnlyList<RecordedProcess> Processes { get; }

    public IReadOnlyList<JsonObject> Cases { get; }

    public static string Folder { get; } = Path.Combine(AppContext.BaseDirectory, "fixtures");

    public static CaseFile Load(string name) =>
        new(name, Read(Path.Combine(Folder, name + ".json")));

    private static JsonNode Read(string path)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        return Node(document.RootElement)!;
    }

    /// <summary>A recorded object may name a key twice (app-h2c has two notes): the last one counts, as in most readers.</summary>
    private static JsonNode? Node(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var result = new JsonObject();
                foreach (var property in element.EnumerateObject())
                {
                    result[property.Name] = Node(property.Value);
                }

                return result;
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Node)]);
            case JsonValueKind.Null:
                return null;
            default:
                return JsonNode.Parse(element.GetRawText());
        }
    }

    public static string NameOf(JsonObject recorded) => recorded["name"]!.GetValue<string>();
}

/// <summary>A sidecar of a recorded topology.</summary>
internal sealed class RecordedProcess(string key, JsonObject recorded)
{
    public string Key { get; } = key;

    public string AppId { get; } = recorded["app_id"]!.GetValue<string>();

    public bool HasApp { get; } = recorded["app"]?.GetValue<bool>() == true;

    public IReadOnlyList<string> Flags { get; } = [.. (recorded["flags"]?.AsArray() ?? []).Select(f => f!.GetValue<string>())];

    public IReadOnlyDictionary<string, string> Environment { get; } = Strings(recorded["env"]);

    /// <summary>File name → text of its resources folder.</summary>
    public IReadOnlyDictionary<string, string> Resources { get; } = Strings(recorded["resources"]);

    private static Dictionary<string, string> Strings(JsonNode? node) =>
        (node?.AsObject() ?? []).ToDictionary(p => p.Key, p => p.Value!.GetValue<string>());
}
