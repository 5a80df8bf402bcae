using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastSidecar.Compare;

/// <summary>
/// What an arm is: <c>arm.json</c> in a folder of its own, beside the configurations of its programs. Text in all of these files may
/// hold places: <c>@repo@</c>, <c>@work@</c> (where the filled-in configurations are), <c>@app@</c> (the app's port), <c>@path@</c>
/// (the app's path) and <c>@id@</c> (an app id) in URLs, and the arm's own ports by name.
/// </summary>
internal sealed record ArmFile
{
    public const string Name = "arm.json";

    public required string Title { get; init; }

    /// <summary>Names for free ports.</summary>
    public IReadOnlyList<string> Ports { get; init; } = [];

    /// <summary>Started in this order, ended in the other.</summary>
    public required IReadOnlyList<ArmProgram> Processes { get; init; }

    /// <summary>It passes gRPC calls on, and takes the scenarios that make them; otherwise all others.</summary>
    public bool Grpc { get; init; }

    /// <summary>Where requests go.</summary>
    public required string Url { get; init; }

    /// <summary>Answered with 204 when the last process is ready; what a start is measured by.</summary>
    public string? Health { get; init; }

    /// <summary>A command that prints the version.</summary>
    public IReadOnlyList<string>? Version { get; init; }

    /// <summary>The program, for its size.</summary>
    public string? Binary { get; init; }

    /// <summary>A program that answers a health endpoint and does nothing else: what a start costs at least.</summary>
    public BareProgram? Bare { get; init; }

    public static ArmFile Read(string folder)
    {
        var path = Path.Combine(folder, Name);
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), ArmJson.Default.ArmFile)!;
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new CompareException($"{path}: {e.Message}");
        }
    }
}

/// <param name="Metrics">A page in Prometheus' format with <c>go_memstats_alloc_bytes_total</c>, for bytes allocated per request.</param>
internal sealed record ArmProgram(
    string Name, IReadOnlyList<string> Command, IReadOnlyDictionary<string, string>? Environment = null, string? Metrics = null);

/// <param name="Url">Answered with 204.</param>
internal sealed record BareProgram(IReadOnlyList<string> Command, string Url);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    ReadCommentHandling = JsonCommentHandling.Skip)]
[JsonSerializable(typeof(ArmFile))]
internal sealed partial class ArmJson : JsonSerializerContext;
