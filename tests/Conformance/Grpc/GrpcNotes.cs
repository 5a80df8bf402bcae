using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Grpc;

/// <summary>What came on a stream, in the form of the recordings.</summary>
internal static class GrpcNotes
{
    private const string DetailsName = "grpc-status-details-bin";
    private const int TraceContextBytes = 29;

    /// <summary>An answer, as the client of a call saw it.</summary>
    public static JsonObject Answer(GrpcStream stream, GrpcPeer peer, string type)
    {
        var seen = stream.Seen;
        var answer = new JsonObject();
        if (seen.Headers is { } headers)
        {
            answer[stream.EndedByHeaders ? "trailers_only" : "headers"] = Fields(headers);
        }

        if (Messages(seen.Body.ToArray(), type) is { Count: > 0 } messages)
        {
            answer["messages"] = messages;
        }

        if (seen.Trailers is { } trailers)
        {
            answer["trailers"] = Fields(trailers);
        }

        if ((seen.Trailers ?? seen.Headers)?.Find(f => f.Name == DetailsName).Value is { Length: > 0 } details)
        {
            answer["status_details"] = MessageReader.Read(Base64(details), "Status");
        }

        if (peer.GoAway is { } goAway)
        {
            answer["goaway"] = goAway.DeepClone();
        }

        if (!seen.Ended)
        {
            if (seen.Reset is { } reset)
            {
                answer["reset"] = FrameText.Code(reset);
            }
            else if (peer.IsOver)
            {
                answer["connection"] = peer.Connection.PeerEnd == "rst" ? "reset" : "closed";
            }
            else
            {
                answer["no_end"] = true;
            }
        }

        return answer;
    }

    /// <summary>A call, as the app or the fake callee saw it.</summary>
    public static JsonObject Call(GrpcStream stream)
    {
        var seen = stream.Seen;
        var path = seen.Headers?.Find(f => f.Name == ":path").Value ?? "";
        var call = new JsonObject
        {
            ["headers"] = Fields(seen.Headers ?? []),
            ["messages"] = Messages(seen.Body.ToArray(), MessageSchema.RequestOf(path)),
            ["end"] = seen.Ended ? "half-closed" : seen.Reset is { } code ? $"reset {FrameText.Code(code)}" : "open",
        };
        if (seen is { Ended: true, Reset: { } reset } && stream.WasResetEarly)
        {
            call["reset"] = FrameText.Code(reset);
        }

        return call;
    }

    public static JsonArray Fields(IEnumerable<(string Name, string Value)> fields) => new([.. fields.Select(f => new JsonArray(f.Name, f.Name switch
    {
        "grpc-trace-bin" => TraceContext(f.Value),
        "grpc-timeout" => "{{TIMEOUT}}",
        DetailsName => "{{see status_details}}",
        _ => Text(f.Value),
    }))]);

    /// <summary>Length-prefixed messages: flag (1), length (4), message; what is not whole is left out.</summary>
    public static JsonArray Messages(ReadOnlySpan<byte> body, string type)
    {
        var messages = new JsonArray();
        for (var at = 0; at + 5 <= body.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt32BigEndian(body[(at + 1)..]);
            if (at + 5 + length > body.Length)
            {
                break;
            }

            var message = body.Slice(at + 5, length);
            messages.Add(body[at] == 1 ? new JsonObject { ["compressed"] = MessageReader.Read(Unzipped(message), type) } : MessageReader.Read(message, type));
            at += 5 + length;
        }

        return messages;
    }

    /// <summary>Version, field 0 with the trace id, field 1 with the span id, field 2 with the flags (OpenCensus binary format).</summary>
    public static string TraceContext(string base64)
    {
        var bytes = Base64(base64);
        if (bytes.Length != TraceContextBytes)
        {
            return base64;
        }

        var (trace, span, flags) = (Convert.ToHexStringLower(bytes.AsSpan(2, 16)), Convert.ToHexStringLower(bytes.AsSpan(19, 8)), bytes[28]);
        return trace.Trim('0').Length == 0 && span.Trim('0').Length == 0 && flags == 0
            ? "{{TRACE_BIN_ALL_ZERO}}"
            : string.Create(CultureInfo.InvariantCulture, $"{{{{TRACE_BIN trace={trace} span={span} flags={flags}}}}}");
    }

    private static byte[] Base64(string text) => Convert.FromBase64String(text.TrimEnd('=').PadRight((text.TrimEnd('=').Length + 3) / 4 * 4, '='));

    /// <summary>Header bytes that are UTF-8, as their characters.</summary>
    private static string Text(string latin1)
    {
        var bytes = Encoding.Latin1.GetBytes(latin1);
        return latin1.All(char.IsAscii) ? latin1 : Encoding.UTF8.GetString(bytes);
    }

    private static byte[] Unzipped(ReadOnlySpan<byte> packed)
    {
        var plain = new MemoryStream();
        using var gzip = new GZipStream(new MemoryStream(packed.ToArray()), CompressionMode.Decompress);
        gzip.CopyTo(plain);
        return plain.ToArray();
    }
}
