using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Http;

/// <summary>
/// Reads HTTP/1.1 bytes without judging them: names, values and order stay exactly as they were on the wire (RFC 9112), one character
/// per byte.
/// </summary>
internal static class HttpMessage
{
    private static ReadOnlySpan<byte> HeadEnd => "\r\n\r\n"u8;

    private static ReadOnlySpan<byte> LineEnd => "\r\n"u8;

    /// <summary>A chunked body as far as it has come.</summary>
    public readonly record struct Body(byte[] Bytes, JsonArray Trailers, int Consumed, bool Complete);

    /// <summary>Position of the blank line, or -1.</summary>
    public static int FindHeadEnd(ReadOnlySpan<byte> raw) => raw.IndexOf(HeadEnd);

    /// <summary>First line and [name, value] pairs of a head without its blank line.</summary>
    public static (string FirstLine, JsonArray Headers) ReadHead(ReadOnlySpan<byte> head)
    {
        var lines = Encoding.Latin1.GetString(head).Split("\r\n");
        var headers = new JsonArray();
        foreach (var line in lines.AsSpan(1))
        {
            var colon = line.IndexOf(':');
            var name = colon < 0 ? line : line[..colon];
            var value = colon < 0 ? "" : line[(colon + 1)..];
            headers.Add((JsonNode)new JsonArray(name, value.StartsWith(' ') ? value[1..] : value));
        }

        return (lines[0], headers);
    }

    public static string? Header(JsonArray headers, string name)
    {
        foreach (var header in headers)
        {
            if (string.Equals(header![0]!.GetValue<string>(), name, StringComparison.OrdinalIgnoreCase))
            {
                return header[1]!.GetValue<string>();
            }
        }

        return null;
    }

    /// <summary>The body that these headers announce for a request, taken from the bytes after the head.</summary>
    public static Body RequestBody(JsonArray headers, ReadOnlySpan<byte> rest)
    {
        if (Header(headers, "transfer-encoding") is not null)
        {
            return Chunked(rest);
        }

        if (!int.TryParse(Header(headers, "content-length"), NumberStyles.None, CultureInfo.InvariantCulture, out var length))
        {
            return new Body([], [], 0, true);
        }

        var count = Math.Min(length, rest.Length);
        return new Body(rest[..count].ToArray(), [], count, count == length);
    }

    /// <summary>Every response in <paramref name="raw"/>; whether the last one is a whole, final one; and what could not be read as a response.</summary>
    /// <param name="raw">All bytes the server sent.</param>
    /// <param name="methods">Methods of the requests, in order; the last one repeats.</param>
    /// <param name="ended">The server has ended the connection, which completes a body without a length.</param>
    public static (JsonArray Responses, byte[] Unread, bool Complete) Responses(ReadOnlySpan<byte> raw, IReadOnlyList<string> methods, bool ended)
    {
        var responses = new JsonArray();
        var answered = 0;
        while (raw.Length > 0)
        {
            var headEnd = FindHeadEnd(raw);
            if (headEnd < 0 || !raw.StartsWith("HTTP/"u8))
            {
                return (responses, raw.ToArray(), false);
            }

            var (line, headers) = ReadHead(raw[..headEnd]);
            var rest = raw[(headEnd + HeadEnd.Length)..];
            var response = StatusLine(line, headers);
            responses.Add((JsonNode)response);
            var status = response["status"]!.GetValue<int>();
            if (status < 200 && status != 101)
            {
                response["interim"] = true;
                raw = rest;
                continue;
            }

            var method = methods[Math.Min(answered++, methods.Count - 1)];
            var (consumed, complete) = ReadBody(response, headers, method, status, rest, ended);
            if (!complete)
            {
                response["incomplete"] = true;
            }

            raw = rest[consumed..];
            if (!complete || status == 101)
            {
                return (responses, raw.ToArray(), complete);
            }
        }

        return (responses, [], responses.Count > 0 && responses[^1]!["interim"] is null);
    }

    private static JsonObject StatusLine(string line, JsonArray headers)
    {
        var parts = line.Split(' ', 3);
        return new JsonObject
        {
            ["version"] = parts[0],
            ["status"] = int.Parse(parts[1], CultureInfo.InvariantCulture),
            ["reason"] = parts.Length > 2 ? parts[2] : "",
            ["headers"] = headers,
        };
    }

    private static (int Consumed, bool Complete) ReadBody(
        JsonObject response, JsonArray headers, string method, int status, ReadOnlySpan<byte> rest, bool ended)
    {
        if (method == "HEAD" || status is 204 or 304 or 101)
        {
            return Done("none", new Body([], [], 0, true));
        }

        if (Header(headers, "transfer-encoding")?.Contains("chunked", StringComparison.OrdinalIgnoreCase) == true)
        {
            var body = Chunked(rest);
            var done = Done("chunked", body);
            if (body.Trailers.Count > 0)
            {
                response["trailers"] = body.Trailers;
            }

            return done;
        }

        if (Header(headers, "content-length") is { } length)
        {
            var announced = int.Parse(length, CultureInfo.InvariantCulture);
            var count = Math.Min(announced, rest.Length);
            return Done("length", new Body(rest[..count].ToArray(), [], count, count == announced));
        }

        return Done("close", new Body(rest.ToArray(), [], rest.Length, ended));

        (int, bool) Done(string framing, Body body)
        {
            response["framing"] = framing;
            response["body"] = RecordedBody.Of(body.Bytes);
            return (body.Consumed, body.Complete);
        }
    }

    /// <summary>A chunked body (RFC 9112 §7.1) as far as it has come.</summary>
    public static Body Chunked(ReadOnlySpan<byte> raw)
    {
        var bytes = new MemoryStream();
        var at = 0;
        while (true)
        {
            var lineLength = raw[at..].IndexOf(LineEnd);
            if (lineLength < 0 || !TryReadSize(raw.Slice(at, lineLength), out var size))
            {
                return new Body(bytes.ToArray(), [], at, false);
            }

            var data = at + lineLength + LineEnd.Length;
            if (size == 0)
            {
                return LastChunk(raw, data, at, bytes.ToArray());
            }

            bytes.Write(raw[data..Math.Min(raw.Length, data + size)]);
            if (raw.Length < data + size + LineEnd.Length)
            {
                return new Body(bytes.ToArray(), [], at, false);
            }

            at = data + size + LineEnd.Length;
        }
    }

    private static Body LastChunk(ReadOnlySpan<byte> raw, int afterLine, int lineStart, byte[] bytes)
    {
        if (raw[afterLine..].StartsWith(LineEnd))
        {
            return new Body(bytes, [], afterLine + LineEnd.Length, true);
        }

        var end = raw[afterLine..].IndexOf(HeadEnd);
        if (end < 0)
        {
            return new Body(bytes, [], lineStart, false);
        }

        byte[] trailers = [.. "x\r\n"u8, .. raw.Slice(afterLine, end)];
        return new Body(bytes, ReadHead(trailers).Headers, afterLine + end + HeadEnd.Length, true);
    }

    private static bool TryReadSize(ReadOnlySpan<byte> line, out int size)
    {
        var semicolon = line.IndexOf((byte)';');
        var digits = semicolon < 0 ? line : line[..semicolon];
        return int.TryParse(digits, NumberStyles.AllowHexSpecifier | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out size);
    }
}
