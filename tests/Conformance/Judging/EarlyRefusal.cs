using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// What an HTTP/1.1 server does before any handler runs (DESIGN.md §2, "need not match"): where Go refused, the same status with any
/// text will do; where Go let a malformed request pass, a refusal that never reaches the app will do as well.
/// </summary>
internal static partial class EarlyRefusal
{
    private static readonly HashSet<int> RefusalStatuses = [400, 405, 411, 413, 414, 417, 426, 431, 501, 505];

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.[01]$")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\x09\x20-\x7e\x80-\xff]*$")]
    private static partial Regex FieldLine();

    [GeneratedRegex(@"^[0-9A-Fa-f]{1,15}[\x09\x20]*(;.*)?$")]
    private static partial Regex ChunkSize();

    /// <summary>Go's server answered by itself: plain text that repeats the status, and the end of the connection.</summary>
    public static bool IsByServer(JsonObject answer)
    {
        var status = answer["status"]?.GetValue<int>() ?? 0;
        var text = (answer["body"] as JsonObject)?["text"]?.GetValue<string>() ?? "";
        return RefusalStatuses.Contains(status) && !text.Contains("errorCode", StringComparison.Ordinal)
            && (text.StartsWith($"{status} ", StringComparison.Ordinal) || text is "Unsupported transfer encoding" or "")
            && string.Equals(Header(answer, "connection"), "close", StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The replay ended with a refusal although the recording did not, for a request that may be refused.</summary>
    public static bool IsAllowed(JsonObject recorded, JsonObject actual)
    {
        if (recorded["h2_request_headers"] is not null)
        {
            return IsHttp2Refusal(actual) && (IsHttp2Refusal(recorded) || IsLengthWrong(recorded));
        }

        if (recorded["responses"] is JsonArray { Count: > 0 } answers && IsByServer(answers[^1]!.AsObject()))
        {
            return false;
        }

        return actual["responses"] is JsonArray { Count: > 0 } responses
            && RefusalStatuses.Contains(responses[^1]!["status"]?.GetValue<int>() ?? 0)
            && actual["connection"]?.GetValue<string>() is "closed" or "reset"
            && actual["app_saw"] is not JsonArray { Count: > 0 }
            && MayBeRefused(recorded);
    }

    /// <summary>HTTP/2 refuses a malformed request by a reset, the end of the connection or an answer of the server itself (RFC 9113 §8.1.1).</summary>
    private static bool IsHttp2Refusal(JsonObject result)
    {
        // A body that turns out to be of another length than its head said may be known for that only when the app has its head.
        if (result["app_saw"] is JsonArray calls && calls.Any(call => call!["incomplete"]?.GetValue<bool>() != true))
        {
            return false;
        }

        var text = (result["body"] as JsonObject)?["text"]?.GetValue<string>() ?? "";
        return Header(result, ":status") is { } status
            ? status is "400" or "431" && !text.Contains("errorCode", StringComparison.Ordinal)
            : result["reset"] is not null || result["goaway"] is not null || result["connection"]?.GetValue<string>() is "closed" or "reset";
    }

    private static bool IsLengthWrong(JsonObject recorded)
    {
        var fields = recorded["h2_request_headers"]!.AsArray();
        var announced = fields.FirstOrDefault(f => f![0]!.GetValue<string>() == "content-length")?[1]!.GetValue<string>();
        return announced is not null && recorded["h2_request_body"]?["text"]?.GetValue<string>() is { } body && announced != $"{body.Length}";
    }

    /// <summary>The client fell silent or ended its direction: how it is let go need not match.</summary>
    public static bool IsHalfClosedOrSilent(JsonObject recorded)
    {
        var steps = recorded["request"] as JsonArray ?? [];
        return steps.Any(s => s is JsonObject o && o.ContainsKey("half_close")) || (steps.Count > 0 && steps.All(s => s is JsonObject o && o.ContainsKey("sleep")));
    }

    /// <summary>Malformed by RFC 9110 and 9112, or one of the forms DESIGN.md names: <c>%00</c> or raw UTF-8 in the target, a body beside an upgrade.</summary>
    public static bool MayBeRefused(JsonObject recorded)
    {
        var text = string.Concat((recorded["request"] as JsonArray ?? []).Select(s => s?["text"]?.GetValue<string>() ?? ""));
        if (text.Length == 0)
        {
            return false;
        }

        var headEnd = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (headEnd < 0)
        {
            return true;
        }

        var lines = text[..headEnd].Split("\r\n");
        return !RequestLine().IsMatch(lines[0]) || lines[0].Contains("%00", StringComparison.Ordinal) || IsHeadMalformed(lines[1..]) || IsChunkedBodyMalformed(lines, text[(headEnd + 4)..]);
    }

    private static bool IsHeadMalformed(string[] fields)
    {
        var values = fields.ToLookup(f => f.Split(':')[0].ToLowerInvariant(), f => f.Contains(':') ? f[(f.IndexOf(':') + 1)..].Trim(' ', '\t') : "");
        var hasBody = values.Contains("transfer-encoding") || values["content-length"].Any(v => v != "0");
        return fields.Any(f => !FieldLine().IsMatch(f))
            || values["host"].Count() > 1
            || values["content-length"].Any(v => v.Length == 0 || !v.All(char.IsAsciiDigit)) || values["content-length"].Count() > 1
            || (values.Contains("content-length") && values.Contains("transfer-encoding"))
            || values["transfer-encoding"].Any(v => !v.Equals("chunked", StringComparison.OrdinalIgnoreCase))
            || (hasBody && values["connection"].Any(v => v.Contains("upgrade", StringComparison.OrdinalIgnoreCase)));
    }

    private static bool IsChunkedBodyMalformed(string[] lines, string body)
    {
        if (!lines.Any(l => l.StartsWith("transfer-encoding:", StringComparison.OrdinalIgnoreCase)))
        {
            return false;
        }

        var at = 0;
        while (body.IndexOf("\r\n", at, StringComparison.Ordinal) is >= 0 and var end)
        {
            var line = body[at..end];
            if (!ChunkSize().IsMatch(line))
            {
                return true;
            }

            var size = Convert.ToInt64(line.Split(';')[0].Trim(), 16);
            if (size == 0)
            {
                var trailers = body[(end + 2)..].Split("\r\n").TakeWhile(t => t.Length > 0);
                return trailers.Any(t => !FieldLine().IsMatch(t));
            }

            if (end + 2 + size + 2 > body.Length)
            {
                return false;
            }

            at = (int)(end + 2 + size + 2);
        }

        return false;
    }

    private static string? Header(JsonObject answer, string name) =>
        (answer["headers"] as JsonArray)?.FirstOrDefault(h => string.Equals(h![0]!.GetValue<string>(), name, StringComparison.OrdinalIgnoreCase))?[1]!.GetValue<string>();
}
