using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http;

namespace FastSidecar.Conformance.Http2;

/// <summary>A recorded HTTP/1.1 request as HTTP/2 frames, and what of an answer is the same in both versions.</summary>
internal static class Http2Form
{
    /// <summary>Fields that belong to the HTTP/1.1 connection, or that its servers treat by themselves.</summary>
    private static readonly HashSet<string> Http1Only =
        ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings", "te", "trailer", "expect", "host"];

    private static readonly string[] FramingFields = ["connection", "content-length", "transfer-encoding"];

    /// <summary>The request of these steps on stream 1; null when HTTP/2 has no such request (malformed, a connection's own fields, scripts with pauses).</summary>
    public static IReadOnlyList<Http2Frame>? Request(JsonArray steps)
    {
        if (!steps.All(s => s!["text"] is not null))
        {
            return null;
        }

        var raw = Encoding.Latin1.GetBytes(string.Concat(steps.Select(s => s!["text"]!.GetValue<string>())));
        var headEnd = HttpMessage.FindHeadEnd(raw);
        if (headEnd < 0)
        {
            return null;
        }

        var (line, headers) = HttpMessage.ReadHead(raw.AsSpan(0, headEnd));
        var body = HttpMessage.RequestBody(headers, raw.AsSpan(headEnd + 4));
        if (line.Split(' ') is not [var method, ['/', ..] target, "HTTP/1.1"] || !body.Complete || body.Trailers.Count > 0
            || headEnd + 4 + body.Consumed != raw.Length || !headers.All(CanBeCarried))
        {
            return null;
        }

        var hasBody = HttpMessage.Header(headers, "transfer-encoding") is not null || body.Bytes.Length > 0;
        List<(string, string)> fields =
        [
            (":method", method), (":scheme", "http"), (":path", target), (":authority", HttpMessage.Header(headers, "host") ?? "localhost"),
            .. headers.Where(h => !Http1Only.Contains(Name(h))).Select(h => (Name(h), h![1]!.GetValue<string>().Trim(' ', '\t'))),
        ];
        var frames = Http2Frame.Headers(1, fields, endStream: !hasBody);
        return [.. hasBody ? frames.Concat(Http2Frame.Data(1, body.Bytes, endStream: true)) : frames];
    }

    /// <summary>The answer of stream 1 in the form of an HTTP/1.1 recording.</summary>
    public static JsonObject Answer(Http2Peer peer)
    {
        var stream = peer.Stream(1);
        var responses = new JsonArray();
        if (stream.Headers is { } fields)
        {
            responses.Add((JsonNode)new JsonObject
            {
                ["status"] = int.Parse(fields[0].Value, System.Globalization.CultureInfo.InvariantCulture),
                ["headers"] = new JsonArray([.. fields.Skip(1).Select(f => new JsonArray(f.Name, f.Value))]),
                ["body"] = RecordedBody.Of(stream.Body.ToArray()),
            });
        }

        return new JsonObject
        {
            ["responses"] = responses,
            ["http2"] = stream.Reset is { } reset ? $"reset {reset}" : stream.Ended ? "ended" : "no-answer-yet",
        };
    }

    /// <summary>A copy of a result without how HTTP/1.1 framed it.</summary>
    public static JsonObject WithoutFraming(JsonObject result)
    {
        var copy = result.DeepClone().AsObject();
        copy.Remove("connection");
        if (copy["http2"]?.GetValue<string>() == "ended")
        {
            copy.Remove("http2");
        }
        else if (result["connection"]?.GetValue<string>() == "aborted")
        {
            // A broken answer: HTTP/1.1 ends the connection, HTTP/2 the stream.
            copy["http2"] = "reset 2";
        }

        foreach (var answer in (copy["responses"] as JsonArray ?? []).Select(r => r!.AsObject()))
        {
            answer.Remove("version");
            answer.Remove("incomplete");
            answer.Remove("framing");
            var headers = answer["headers"]!.AsArray();
            foreach (var field in headers.Where(h => FramingFields.Contains(Name(h))).ToList())
            {
                headers.Remove(field);
            }
        }

        return copy;
    }

    /// <summary>A well-formed field that says nothing about the connection, except how HTTP/2 will frame the body anyway.</summary>
    private static bool CanBeCarried(JsonNode? field) => Name(field) switch
    {
        "host" => true,
        "transfer-encoding" => field![1]!.GetValue<string>() == "chunked",
        var name => !Http1Only.Contains(name) && name.Length > 0 && name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c)),
    };

    private static string Name(JsonNode? field) => field![0]!.GetValue<string>().ToLowerInvariant();
}
