using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Peers;

/// <summary>
/// What a real daprd 1.18.3 told its HTTP client when the callee's sidecar answered in some hundred and fifty ways, proper and improper, and how often it
/// asked. fixtures/caller.json holds the recordings; <see cref="Differences"/> the cases that are other here, and why.
/// </summary>
public sealed class RecordedCallerTests(PeerAnswerTests.CallerOfPorts caller) : PairTests<PeerAnswerTests.CallerOfPorts>(caller)
{
    private const int AtOnce = 12;

    private const string Cut = "on purpose: an answer that breaks off looks aborted to the client, in Dapr well-formed and short";
    private const string Illegal = "on purpose: an illegal status is 500 with ERR_DIRECT_INVOKE";
    /// <summary>Cases that do not match, and why.</summary>
    private static readonly Dictionary<string, string> Differences = new()
    {
        ["close-fin-after-message-1"] = Cut,
        ["error-trailers-after-message-1"] = Cut,
        ["headers-in-later-message"] = Cut,
        ["rpc-end-stream-on-data"] = Cut,
        ["rpc-trailers-without-grpc-status"] = Cut,
        ["rst-cancel-after-message-1"] = Cut,
        ["rst-internal_error-after-message-1"] = Cut,
        ["rst-no_error-after-message-1"] = Cut,
        ["seq-repeated"] = Cut,
        ["seq-starts-at-1"] = Cut,
        ["status-in-later-message"] = Cut,
        ["data-http-status-100"] = Illegal,
        ["data-http-status-199"] = Illegal,
        ["data-http-status-205"] = "on purpose: 205 passes without a body",
        ["data-http-status-304"] = "open: Go's server takes the Content-Type off a 304, ours keeps it",
        ["connect-accept-and-http1-answer"] = "need not match: the text of Go's HTTP/2 library",
    };

    /// <summary>Recorded header fields that need not match: framing and time, and a sniffed type.</summary>
    private static readonly string[] Uncompared = ["date", "transfer-encoding", "content-length", "connection"];

    [Fact]
    public async Task EveryRecordedAnswer_IsToldTheClientAsDaprDoes()
    {
        var cases = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Peers", "fixtures", "caller.json")))!.AsArray();
        var found = new ConcurrentDictionary<string, string>();
        await Parallel.ForEachAsync(cases, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (recorded, _) =>
        {
            if (await DifferenceAsync(recorded!.AsObject()) is { } difference)
            {
                found[recorded["name"]!.GetValue<string>()] = difference;
            }
        });

        var unexpected = found.Where(static entry => !Differences.ContainsKey(entry.Key)).Select(static entry => $"{entry.Key}: {entry.Value}");
        var matching = Differences.Keys.Where(name => !found.ContainsKey(name)).Select(static name => $"{name}: listed as different, and matches");
        var complaints = string.Join('\n', unexpected.Concat(matching).Order(StringComparer.Ordinal));
        Assert.True(complaints.Length == 0, complaints);
    }

    private async Task<string?> DifferenceAsync(JsonObject recorded)
    {
        if (recorded["callee"] is JsonValue special)
        {
            return await SpecialAsync(recorded, special.GetValue<string>());
        }

        await using var callee = new FakeCallee(recorded["callee"]!);
        var difference = await ClientDifferenceAsync(recorded, callee.Port, () => callee.Attempts.Length > 0);
        if (difference is null && recorded["attempts"] is JsonArray attempts)
        {
            var expected = string.Join(' ', attempts.Select(static attempt => attempt!.GetValue<string>()));
            var seen = string.Join(' ', callee.Attempts);
            difference = seen == expected ? null : $"attempts were {seen}, in Dapr {expected}";
        }

        return difference;
    }

    /// <summary>Peers that do not come as far as HTTP/2.</summary>
    private async Task<string?> SpecialAsync(JsonObject recorded, string kind)
    {
        if (kind == "refused")
        {
            return await ClientDifferenceAsync(recorded, FreePorts.Next(), static () => true);
        }

        var accepted = 0;
        await using var callee = new ScriptedServer(async connection =>
        {
            Interlocked.Increment(ref accepted);
            switch (kind)
            {
                case "http1":
                    await connection.SendAsync("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
                    break;
                case "close":
                    // With the caller's preface there, so that it sees a reset every time.
                    await connection.ReceivedAsync(Http2Frames.Preface.Length);
                    connection.Reset();
                    break;
                case "silence":
                    await connection.ToEndAsync();
                    break;
            }
        });
        return kind == "close-once" ? null : await ClientDifferenceAsync(recorded, callee.Port, () => accepted > 0);
    }

    private async Task<string?> ClientDifferenceAsync(JsonObject recorded, int port, Func<bool> isCalled)
    {
        using var client = await RawConnection.ConnectAsync(Pair.PortCaller.HttpPort);
        var responses = recorded["client"]!["responses"]!.AsArray();
        foreach (var step in recorded["request"]!.AsArray().Cast<JsonObject>())
        {
            if (step["text"] is { } text)
            {
                await client.SendAsync(Filled(text.GetValue<string>(), port));
            }
            else if (step["sleep"] is { } seconds)
            {
                await Task.Delay(RecordedSteps.Seconds(seconds));
            }
        }

        if (responses.Count == 0 || recorded["client"]!["connection"]!.GetValue<string>() != "open")
        {
            // The recorded client left without a whole answer, and so does this one.
            await Eventually.TrueAsync(isCalled, () => $"{recorded["name"]}: the peer is not called");
            return null;
        }

        RawAnswer? answer;
        try
        {
            answer = await client.AnswerAsync();
        }
        catch (TimeoutException)
        {
            return "no answer";
        }

        return answer is null ? $"no whole answer ({client.End}): {System.Text.Encoding.Latin1.GetString(client.Received)}" : Compare(responses[^1]!.AsObject(), answer, port);
    }

    private static string? Compare(JsonObject expected, RawAnswer answer, int port)
    {
        if (answer.Status != expected["status"]!.GetValue<int>())
        {
            return $"status {answer.Status}, in Dapr {expected["status"]}: {answer.Text}";
        }

        var body = expected["body"] as JsonObject;
        var text = System.Text.Encoding.UTF8.GetString(answer.Body);
        if (body?["text"] is { } exact && Plain(text) != Plain(Filled(exact.GetValue<string>(), port)))
        {
            return $"body {text}\n    in Dapr {Filled(exact.GetValue<string>(), port)}";
        }

        if (body?["length"] is { } length && answer.Body.Length != length.GetValue<int>())
        {
            return $"{answer.Body.Length} bytes, in Dapr {length}";
        }

        var ours = Fields(answer.Headers);
        var theirs = Fields(expected["headers"]!.AsArray().Select(static field => (field![0]!.GetValue<string>(), field[1]!.GetValue<string>())));
        var sniffed = theirs.Except(ours).All(static field => field.StartsWith("content-type: text/plain", StringComparison.Ordinal)) && !ours.Except(theirs).Any();
        return sniffed ? null : $"fields {string.Join(" | ", ours.Except(theirs))}, in Dapr {string.Join(" | ", theirs.Except(ours))}";
    }

    private static string[] Fields(IEnumerable<(string Name, string Value)> fields) =>
        [.. fields.Select(static field => $"{field.Name.ToLowerInvariant()}: {field.Value}").Where(static field => !Uncompared.Contains(field[..field.IndexOf(':', StringComparison.Ordinal)]))];

    /// <summary>JSON made of a gRPC status has no fixed white space in Go.</summary>
    private static string Plain(string text)
    {
        try
        {
            return JsonNode.Parse(text)?.ToJsonString() ?? text;
        }
        catch (System.Text.Json.JsonException)
        {
            return text;
        }
    }

    private static string Filled(string text, int port) => text.Replace("{{FAKE}}", $"{port}", StringComparison.Ordinal);
}
