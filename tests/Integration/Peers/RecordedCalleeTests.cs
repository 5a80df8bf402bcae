using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Peers;

/// <summary>
/// What a real daprd 1.18.3 with an HTTP app answered on its internal port to streams proper and improper, and what the app was asked.
/// fixtures/callee.json holds the recordings; <see cref="Differences"/> the cases that are other here, and why.
/// </summary>
public sealed class RecordedCalleeTests(ScriptedAppPair pair) : PairTests<ScriptedAppPair>(pair)
{
    private const string NotCalled = "the fault is there before anything has left for the app, which is not called; Dapr calls it and breaks off";

    private const string Illegal = "on purpose: a connection error by RFC 9113 (§5.1, §8.4), which ends the connection; grpc-go passes over it";
    private const string Uncompressed = "on purpose: answers are not compressed, whatever the request was; a caller has to understand that";

    /// <summary>How long something is waited for that must not come.</summary>
    private static readonly TimeSpan QuietTime = TimeSpan.FromMilliseconds(300);

    /// <summary>Cases that do not match, and why.</summary>
    private static readonly Dictionary<string, string> Differences = new()
    {
        ["stream-content-length-too-big"] = "need not match: the text of Go's HTTP client (its prefix is missing)",
        ["stream-end-stream-on-headers"] = "on purpose: answered, in Dapr never",
        ["headers-no-path"] = "on purpose: a head without :path is malformed (RFC 9113 §8.3.1), and its stream is reset",
        ["stream-gzip-message"] = Uncompressed,
        ["stream-gzip-with-accept"] = Uncompressed,
        ["unary-gzip"] = Uncompressed,
        ["frames-data-on-idle-stream"] = Illegal,
        ["frames-push-promise-from-client"] = Illegal,
        ["frames-rst-on-idle-stream"] = Illegal,
        ["stream-empty-payload-not-counted"] = NotCalled,
        ["stream-request-again-in-second"] = NotCalled,
        ["stream-seq-starts-at-1"] = NotCalled,
        ["stream-seq-gap"] = NotCalled,
        ["stream-seq-repeated"] = NotCalled,
    };

    [Fact]
    public async Task EveryRecordedStream_IsAnsweredAsDaprDoes()
    {
        var cases = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Peers", "fixtures", "callee.json")))!.AsArray();
        var found = new Dictionary<string, string>();
        foreach (var recorded in cases.Cast<JsonObject>())
        {
            if (await DifferenceAsync(recorded).Within($"{recorded["name"]}") is { } difference)
            {
                found[recorded["name"]!.GetValue<string>()] = difference;
            }
        }

        var unexpected = found.Where(static entry => !Differences.ContainsKey(entry.Key)).Select(static entry => $"{entry.Key}: {entry.Value}");
        // Whether a second message that breaks the rules is seen before the app is called depends on how they arrive.
        var matching = Differences.Where(entry => !found.ContainsKey(entry.Key) && entry.Value != NotCalled).Select(static entry => entry.Key).Select(static name => $"{name}: listed as different, and matches");
        var complaints = string.Join('\n', unexpected.Concat(matching).Order(StringComparer.Ordinal));
        Assert.True(complaints.Length == 0, complaints);
    }

    private async Task<string?> DifferenceAsync(JsonObject recorded)
    {
        var asked = new ConcurrentQueue<(string Line, string Body)>();
        if (recorded["app"] is JsonValue down && down.GetValue<string>() == "down")
        {
            // This app always listens.
            return null;
        }

        await Pair.Scripted.PlayAsync(connection => PlayAppAsync(connection, recorded["app"]!, asked));
        using var client = await RecordedClient.ConnectAsync(Pair.ScriptedCallee.InternalPort);
        var answer = recorded["answer"]!.AsObject();
        var ends = answer["no_end"] is null && answer["connection"]?.GetValue<string>() != "open";
        await client.RunAsync((JsonArray)recorded["steps"]!, ends ? RecordedClient.EndPatience : QuietTime);
        if (answer["frames_received"] is JsonArray frames)
        {
            var expectsEnd = answer["connection"]!.GetValue<string>() == "closed" ||
                frames.Any(static frame => frame!.GetValue<string>().StartsWith("< GOAWAY", StringComparison.Ordinal));
            return client.ConnectionEnded == expectsEnd ? null : $"the connection {(expectsEnd ? "lives, in Dapr it ends" : "ends, in Dapr it lives")}";
        }

        var requests = recorded["app_saw"]!.AsArray();
        await WaitAsync(() => asked.Count >= requests.Count);
        return recorded["daprd_died"] is not null ? null : CompareAnswer(answer, client) ?? CompareApp(requests, [.. asked]);
    }

    /// <summary>What the app saw of a request that breaks off is known once its connection has ended.</summary>
    private static async Task WaitAsync(Func<bool> condition)
    {
        var limit = Task.Delay(RecordedClient.EndPatience);
        while (!condition() && !limit.IsCompleted)
        {
            await Task.Delay(5);
        }
    }

    /// <summary>An app that reads a whole request and runs the recorded steps, or answers 200 and "ok".</summary>
    private static async Task PlayAppAsync(RawConnection connection, JsonNode script, ConcurrentQueue<(string Line, string Body)> asked)
    {
        while (await RequestAsync(connection) is { } request)
        {
            asked.Enqueue(request);
            if (script is not JsonArray steps)
            {
                await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok");
                continue;
            }

            foreach (var step in steps.Cast<JsonObject>())
            {
                if (step["text"] is { } text)
                {
                    await connection.SendAsync(text.GetValue<string>());
                }
                else if (step["b64"] is { } bytes)
                {
                    await connection.SendAsync(Convert.FromBase64String(bytes.GetValue<string>()));
                }
                else if (step["sleep"] is { } seconds)
                {
                    await Task.Delay(RecordedSteps.Seconds(seconds));
                }
                else if (step["watch_close"] is not null)
                {
                    await connection.ToEndAsync();
                    return;
                }
                else if (step["close"]?.GetValue<string>() is { } how)
                {
                    if (how == "rst")
                    {
                        connection.Reset();
                    }

                    return;
                }
            }
        }
    }

    /// <summary>Request line and body of the next request; what came of it when the connection ends within.</summary>
    private static async Task<(string Line, string Body)?> RequestAsync(RawConnection connection)
    {
        if (!await connection.ReceivedAsync("\r\n\r\n"))
        {
            return null;
        }

        var head = Encoding.Latin1.GetString(connection.Received[..(connection.Received.IndexOf("\r\n\r\n"u8) + 4)]);
        connection.Take(head.Length);
        var line = head[..head.IndexOf('\r', StringComparison.Ordinal)];
        if (head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase))
        {
            return (line, await ChunksAsync(connection));
        }

        var at = head.IndexOf("Content-Length: ", StringComparison.OrdinalIgnoreCase);
        var length = at < 0 ? 0 : int.Parse(head.AsSpan(at + 16, head.IndexOf('\r', at) - at - 16), System.Globalization.CultureInfo.InvariantCulture);
        var whole = await connection.ReceivedAsync(length);
        var body = Encoding.Latin1.GetString(connection.Received[..(whole ? length : connection.Received.Length)]);
        connection.Take(body.Length);
        return (line, body);
    }

    private static async Task<string> ChunksAsync(RawConnection connection)
    {
        var body = new StringBuilder();
        while (await connection.ReceivedAsync("\r\n"))
        {
            var line = connection.Received.IndexOf("\r\n"u8);
            var size = int.Parse(Encoding.ASCII.GetString(connection.Received[..line]), System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
            if (!await connection.ReceivedAsync(line + 2 + size + 2))
            {
                break;
            }

            body.Append(Encoding.Latin1.GetString(connection.Received.Slice(line + 2, size)));
            connection.Take(line + 2 + size + 2);
            if (size == 0)
            {
                break;
            }
        }

        return body.ToString();
    }

    private string? CompareAnswer(JsonObject expected, RecordedClient client)
    {
        var trailers = (expected["trailers_only"] ?? expected["trailers"]) as JsonArray;
        foreach (var (name, value) in trailers?.Select(static field => (field![0]!.GetValue<string>(), field[1]!.GetValue<string>())) ?? [])
        {
            if (name is not (":status" or "grpc-status" or "grpc-message" or "content-type"))
            {
                continue;
            }

            var seen = client.Fields.GetValueOrDefault(name);
            var port = $"127.0.0.1:{Pair.Scripted.Port}";
            var wanted = value.Replace("127.0.0.1:9000", port, StringComparison.Ordinal);
            if (seen != wanted && !wanted.Contains("{{EPHEMERAL}}", StringComparison.Ordinal))
            {
                return $"{name}: {seen}\n    in Dapr {wanted}";
            }
        }

        if (expected["reset"] is { } reset && client.ResetCode != RecordedSteps.ErrorCode(reset))
        {
            return $"reset with {client.ResetCode}, in Dapr with {reset}";
        }

        if (trailers is not null && client.TrailersOnly != (expected["trailers_only"] is not null))
        {
            return client.TrailersOnly ? "trailers only, in Dapr a head and trailers" : "a head and trailers, in Dapr trailers only";
        }

        foreach (var field in expected["headers"] as JsonArray ?? [])
        {
            var (name, value) = (field![0]!.GetValue<string>(), field[1]!.GetValue<string>());
            var seen = client.Fields.GetValueOrDefault(name);
            if (seen != value && (seen is null || !value.StartsWith("{{", StringComparison.Ordinal)))
            {
                return $"{name}: {seen}, in Dapr {value}";
            }
        }

        if (trailers is null && expected["reset"] is null && client.Ended && expected["no_end"] is not null)
        {
            return $"ended with {client.Fields.GetValueOrDefault("grpc-status")} {client.Fields.GetValueOrDefault("grpc-message")}, in Dapr never";
        }

        var (status, body) = PeerMessages.Answer(client.Received);
        var messages = expected["messages"] as JsonArray ?? [];
        var first = messages.FirstOrDefault();
        var code = (first?["response"]?["status"] ?? first?["status"])?["code"]?.GetValue<int>() ?? 0;
        var data = string.Concat(messages.Select(static message => (message!["payload"]?["data"] ?? message["message"]?["data"]?["value"]) is JsonValue text ? text.GetValue<string>() : ""));
        return status != code ? $"status {status}, in Dapr {code}"
            : body != data ? $"body {body}, in Dapr {data}"
            : null;
    }

    private static string? CompareApp(JsonArray expected, (string Line, string Body)[] asked)
    {
        if (asked.Length != expected.Count)
        {
            return $"the app was asked {asked.Length} times, in Dapr {expected.Count}: {string.Join(" | ", asked)}";
        }

        for (var i = 0; i < asked.Length; i++)
        {
            var line = expected[i]!["request_line"]!.GetValue<string>();
            var body = expected[i]!["incomplete"] is null ? expected[i]!["body"]?["text"]?.GetValue<string>() : null;
            if (asked[i].Line != line || (body is not null && asked[i].Body != body))
            {
                return $"the app was asked {asked[i]}, in Dapr {line} with {body}";
            }
        }

        return null;
    }
}
