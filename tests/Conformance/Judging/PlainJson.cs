using System.Text.Encodings.Web;
using System.Text.Json;

namespace FastSidecar.Conformance.Judging;

/// <summary>JSON for people: quotes and brackets inside strings stay readable.</summary>
internal static class PlainJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        TypeInfoResolver = new System.Text.Json.Serialization.Metadata.DefaultJsonTypeInfoResolver(),
    };
}
