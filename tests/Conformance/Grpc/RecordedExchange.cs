using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Grpc;

/// <summary>One stream between two sidecars, as a proxy between them saw it.</summary>
internal sealed class RecordedExchange
{
    public Http2StreamSeen Request { get; } = new();

    public Http2StreamSeen Response { get; } = new();

    public string? ResetName { get; set; }

    public bool IsOver => ResetName is not null || (Request.Ended && Response.Ended);

    /// <summary>
    /// In the form of the fixtures, apart from how a body is cut into messages, which is free: a recorded side whose payloads are the
    /// same bytes gets the recorded cut. <paramref name="placeholders"/> makes a message comparable with a recorded one.
    /// </summary>
    public JsonObject ToJson(JsonObject? recorded, Func<JsonObject, JsonObject> placeholders) => new()
    {
        ["path"] = Request.Headers?.Find(f => f.Name == ":path").Value,
        ["request_wire"] = Side(Request, InternalMessage.ReadRequest, recorded?["request_wire"] as JsonObject, ResetName, placeholders),
        ["response_wire"] = Side(Response, InternalMessage.ReadResponse, recorded?["response_wire"] as JsonObject, null, placeholders),
    };

    private delegate JsonObject ReadMessage(ReadOnlySpan<byte> message, MemoryStream payload);

    private static JsonObject Side(Http2StreamSeen seen, ReadMessage read, JsonObject? recorded, string? reset, Func<JsonObject, JsonObject> placeholders)
    {
        var side = new JsonObject { ["headers"] = Fields(seen.Headers ?? []), ["messages"] = Messages(seen.Body.ToArray(), read, recorded?["messages"] as JsonArray, placeholders) };
        if (seen.Trailers is not null)
        {
            side["trailers"] = Fields(seen.Trailers);
        }

        side["end"] = seen.Ended ? "END_STREAM" : "none";
        if (reset is not null)
        {
            side["reset"] = reset;
        }

        return side;
    }

    private static JsonArray Fields(IEnumerable<(string Name, string Value)> fields) =>
        new([.. fields.Select(f => new JsonArray(f.Name, f.Name == "grpc-trace-bin" ? GrpcNotes.TraceContext(f.Value) : f.Value))]);

    /// <summary>Length-prefixed messages: flag (1), length (4), message.</summary>
    private static JsonArray Messages(ReadOnlySpan<byte> body, ReadMessage read, JsonArray? recorded, Func<JsonObject, JsonObject> placeholders)
    {
        var messages = new List<JsonObject>();
        var payload = new MemoryStream();
        for (var at = 0; at + 5 <= body.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(body[(at + 1)..]);
            messages.Add(placeholders(read(body.Slice(at + 5, Math.Min(length, body.Length - at - 5)), payload)));
            at += 5 + length;
        }

        var expectedSeq = 0L;
        foreach (var part in messages.Select(m => m["payload"]).OfType<JsonObject>())
        {
            if ((part["seq"]?.GetValue<long>() ?? 0) != expectedSeq++)
            {
                return [(JsonNode)"seq has gaps", .. messages];
            }
        }

        return AsCut(messages, payload.ToArray(), recorded) ?? [.. messages, (JsonNode)Encoding.Latin1.GetString(payload.ToArray())];
    }

    /// <summary>The recorded messages if they say the same: equal heads, and their pieces are consecutive parts of the payload.</summary>
    private static JsonArray? AsCut(List<JsonObject> messages, byte[] payload, JsonArray? recorded)
    {
        if (recorded is null || (recorded.Count == 0) != (messages.Count == 0))
        {
            return null;
        }

        var at = 0;
        foreach (var data in recorded.Select(m => m!["payload"]?["data"]).Where(d => d is not null))
        {
            var length = data is JsonObject o ? o["length"]!.GetValue<int>() : data!.GetValue<string>().Length;
            if (at + length > payload.Length || !IsPiece(data!, payload.AsSpan(at, length)))
            {
                return null;
            }

            at += length;
        }

        return at == payload.Length && (messages.Count == 0 || JsonNode.DeepEquals(Head(messages[0]), Head(recorded[0]!.AsObject()))) ? recorded.DeepClone().AsArray() : null;
    }

    private static JsonObject Head(JsonObject message)
    {
        var head = message.DeepClone().AsObject();
        head.Remove("payload");
        return JsonNode.Parse(head.ToJsonString())!.AsObject();
    }

    private static bool IsPiece(JsonNode data, ReadOnlySpan<byte> bytes) => data is JsonObject o
        ? o["sha256"]!.GetValue<string>() == Convert.ToHexStringLower(SHA256.HashData(bytes))
        : data.GetValue<string>() == Encoding.Latin1.GetString(bytes);
}
