using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using FastSidecar.Conformance.Http;

namespace FastSidecar.Conformance.Wire;

/// <summary>Where and how a raw request is sent.</summary>
internal sealed record RawCall
{
    public required EndPoint To { get; init; }

    public required JsonArray Steps { get; init; }

    /// <summary>How long the responses are waited for after the last step.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>Number of final responses to read.</summary>
    public int Expect { get; init; } = 1;

    /// <summary>Methods of the requests (a HEAD response has no body); null: taken from the steps.</summary>
    public IReadOnlyList<string>? Methods { get; init; }

    /// <summary>The port speaks nothing else.</summary>
    public bool IsHttp1Only { get; init; }

    /// <summary>The recording saw the server end the connection: wait for that longer than the moment a kept-alive one is watched.</summary>
    public bool EndIsExpected { get; init; }
}

/// <summary>Sends raw bytes and reports what came back in the form of the fixtures.</summary>
internal static partial class RawClient
{
    private static readonly TimeSpan ConnectPatience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(1.5);
    private static readonly TimeSpan ExpectedEndPatience = TimeSpan.FromSeconds(3);

    [GeneratedRegex(@"^([A-Za-z-]+) \S+ HTTP/1")]
    private static partial Regex RequestLine();

    public static async Task<Socket> ConnectAsync(EndPoint to)
    {
        var socket = to.AddressFamily == AddressFamily.Unix
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using var patience = new CancellationTokenSource(ConnectPatience);
        try
        {
            await socket.ConnectAsync(to, patience.Token);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <returns><c>responses</c>, <c>connection</c>, <c>marks</c> and perhaps <c>unparsed</c>.</returns>
    public static async Task<JsonObject> CallAsync(RawCall call, Rendezvous rendezvous)
    {
        using var connection = new RawConnection(await ConnectAsync(call.To));
        return await CallAsync(connection, call, rendezvous);
    }

    /// <summary>The same on a connection that stays the caller's.</summary>
    public static async Task<JsonObject> CallAsync(RawConnection connection, RawCall call, Rendezvous rendezvous)
    {
        var methods = call.Methods ?? MethodsOf(call.Steps);
        var start = Clock.Now;
        var marks = new JsonObject();
        var result = new JsonObject();
        double done;
        if (await ScriptSteps.RunAsync(connection, call.Steps, rendezvous, marks, start))
        {
            var complete = await AllResponsesAsync(connection, methods, call);
            done = Clock.Since(start);
            await SettleAsync(connection, methods, call);
            var (responses, rest, _) = HttpMessage.Responses(connection.Received(), methods, connection.PeerEnd is not null);
            result["responses"] = responses;
            if (rest.Length > 0)
            {
                result["unparsed"] = RecordedBody.Of(rest);
            }

            result["connection"] = connection.PeerEnd switch
            {
                "fin" => "closed",
                "rst" => "reset",
                null => complete ? "open" : "no-answer-yet",
                _ => connection.PeerEnd,
            };
        }
        else
        {
            done = Clock.Since(start);
            result["responses"] = HttpMessage.Responses(connection.Received(), methods, ended: true).Responses;
            result["connection"] = "ended-by-client";
        }

        if (connection.FirstByteAt is { } first)
        {
            marks["first_byte"] = Math.Round(first - start, 2);
        }

        marks["done"] = done;
        result["marks"] = marks;
        return result;
    }

    private static async Task<bool> AllResponsesAsync(RawConnection connection, IReadOnlyList<string> methods, RawCall call)
    {
        var complete = false;
        var parsedAt = 0.0;
        await connection.UntilAsync(Ended, call.Patience);
        if (!complete && connection.PeerEnd is null)
        {
            parsedAt = 0;
            Ended();
        }

        return complete;

        bool Ended()
        {
            if (connection.PeerEnd is not null)
            {
                return true;
            }

            // A body of megabytes is not parsed again on every arrival.
            if (connection.Look(r => r.Length > 200_000 && !r.Span.EndsWith("0\r\n\r\n"u8)) && Clock.Now - parsedAt < 0.3)
            {
                return false;
            }

            parsedAt = Clock.Now;
            complete = connection.Look(r =>
            {
                var (responses, _, whole) = HttpMessage.Responses(r.Span, methods, ended: false);
                return whole && responses.Count(x => x!["interim"] is null) >= call.Expect;
            });
            return complete;
        }
    }

    private static async Task SettleAsync(RawConnection connection, IReadOnlyList<string> methods, RawCall call)
    {
        var last = HttpMessage.Responses(connection.Received(), methods, ended: false).Responses.LastOrDefault();
        var announced = last is not null
            && string.Equals(HttpMessage.Header(last["headers"]!.AsArray(), "connection"), "close", StringComparison.OrdinalIgnoreCase);
        await connection.UntilAsync(() => connection.PeerEnd is not null, call.EndIsExpected ? ExpectedEndPatience : announced ? EndPatience : Linger);
    }

    /// <summary>Methods of the requests that these steps begin with.</summary>
    public static IReadOnlyList<string> MethodsOf(JsonArray steps)
    {
        var methods = steps
            .Select(s => RequestLine().Match(s!["text"]?.GetValue<string>() ?? ""))
            .Where(m => m.Success)
            .Select(m => m.Groups[1].Value)
            .ToList();
        return methods.Count > 0 ? methods : ["GET"];
    }
}
