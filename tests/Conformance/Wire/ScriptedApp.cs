using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http;

namespace FastSidecar.Conformance.Wire;

/// <summary>
/// The app behind a sidecar: a raw HTTP/1.1 server that answers with scripted bytes and notes what it saw. Paths in
/// <see cref="Quiet"/> (the sidecar's own questions) are answered from there and not noted.
/// </summary>
internal sealed class ScriptedApp : IDisposable
{
    /// <summary>What an app without a script answers (fixtures README).</summary>
    private const string DefaultAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

    private static readonly TimeSpan Forever = TimeSpan.FromHours(1);
    private static readonly TimeSpan BusyPatience = TimeSpan.FromSeconds(6);
    private static readonly TimeSpan BodyPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LateBodyPatience = TimeSpan.FromSeconds(5);

    private readonly Rendezvous _rendezvous;
    private readonly X509Certificate2? _certificate;
    private readonly Lock _lock = new();
    private readonly List<RawConnection> _connections = [];
    private readonly List<Seen> _seen = [];
    private JsonArray? _script;
    private int _requests;
    private Socket? _listener;

    private sealed class Seen(JsonObject record)
    {
        public JsonObject Record { get; } = record;

        public bool Busy { get; set; } = true;
    }

    public ScriptedApp(int port, Rendezvous rendezvous, X509Certificate2? certificate = null)
    {
        Port = port;
        _rendezvous = rendezvous;
        _certificate = certificate;
        Quiet["/dapr/config"] = _ => Task.FromResult<string?>("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }

    public int Port { get; }

    /// <summary>Path (without query) of a request that is not part of any case → its answer; a null answer closes the connection.</summary>
    public Dictionary<string, Func<JsonObject, Task<string?>>> Quiet { get; } = [];

    /// <summary>Whether a TLS hello is answered at once, as plain HTTP servers do; else it waits for a request that never comes.</summary>
    public bool AnswersTls { get; set; } = true;

    public void Start()
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
        _listener.Listen(128);
        _ = AcceptAsync(_listener);
    }

    /// <summary>Stops listening and ends every connection.</summary>
    public void Stop()
    {
        _listener?.Dispose();
        _listener = null;
        EndConnections();
    }

    public void EndConnections()
    {
        RawConnection[] open;
        lock (_lock)
        {
            open = [.. _connections];
            _connections.Clear();
        }

        foreach (var connection in open)
        {
            connection.ShutDown();
        }
    }

    /// <summary>Forgets what was seen and takes the script for the next requests: a list of steps, a list of such lists, or null for the default.</summary>
    public void Expect(JsonArray? script)
    {
        lock (_lock)
        {
            _script = script;
            _requests = 0;
            _seen.Clear();
        }
    }

    /// <summary>
    /// What was seen since <see cref="Expect"/>: waits <paramref name="patience"/> for <paramref name="count"/> requests, and longer for
    /// a request whose script is still running.
    /// </summary>
    public async Task<JsonArray> SeenAsync(int count, TimeSpan patience)
    {
        var deadline = Clock.Now + patience.TotalSeconds;
        while (true)
        {
            lock (_lock)
            {
                var isBusy = _seen.Exists(s => s.Busy) && Clock.Now < deadline + BusyPatience.TotalSeconds;
                if (!isBusy && (_seen.Count >= count || Clock.Now >= deadline))
                {
                    return new JsonArray([.. _seen.Select(s => s.Record.DeepClone())]);
                }
            }

            await Task.Delay(5);
        }
    }

    public void Dispose() => Stop();

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            try
            {
                var socket = await listener.AcceptAsync();
                _ = Task.Run(() => ServeAsync(socket));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        try
        {
            using var connection = new RawConnection(socket, await TlsAsync(socket));
            lock (_lock)
            {
                _connections.Add(connection);
            }

            while (await ServeOneAsync(connection))
            {
            }

            lock (_lock)
            {
                _connections.Remove(connection);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or System.Security.Authentication.AuthenticationException)
        {
            socket.Dispose();
        }
    }

    private async Task<Stream?> TlsAsync(Socket socket)
    {
        if (_certificate is null)
        {
            return null;
        }

        var stream = new SslStream(new NetworkStream(socket, ownsSocket: false));
        await stream.AuthenticateAsServerAsync(_certificate);
        return stream;
    }

    /// <returns>Whether the connection may carry another request.</returns>
    private async Task<bool> ServeOneAsync(RawConnection connection)
    {
        await connection.UntilAsync(
            () => connection.PeerEnd is not null || connection.Look(r => HttpMessage.FindHeadEnd(r.Span) >= 0 || (AnswersTls && IsTlsHello(r.Span))), Forever);
        if (AnswersTls && connection.Look(r => IsTlsHello(r.Span)))
        {
            // A TLS hello on a plain port: what a plain HTTP server answers.
            await connection.SendAsync(Encoding.Latin1.GetBytes("HTTP/1.0 400 Bad Request\r\n\r\n"));
            return false;
        }

        var headEnd = connection.Look(r => HttpMessage.FindHeadEnd(r.Span));
        if (headEnd < 0)
        {
            return false;
        }

        var (line, headers) = connection.Look(r => HttpMessage.ReadHead(r.Span[..headEnd]));
        var record = new JsonObject { ["request_line"] = line, ["headers"] = headers };
        var target = line.Split(' ') is { Length: > 1 } parts ? parts[1].Split('?')[0] : "";
        if (Quiet.TryGetValue(target, out var quiet))
        {
            connection.Consume(headEnd + 4);
            if (await quiet(record) is not { } answer)
            {
                return false;
            }

            await connection.SendAsync(Encoding.Latin1.GetBytes(answer));
            return true;
        }

        return await AnswerAsync(connection, record, headers, headEnd + 4);
    }

    private static bool IsTlsHello(ReadOnlySpan<byte> bytes) => bytes.Length > 0 && bytes[0] == 0x16;

    private async Task<bool> AnswerAsync(RawConnection connection, JsonObject record, JsonArray headers, int bodyStart)
    {
        var start = Clock.Now;
        var seen = new Seen(record);
        JsonArray steps;
        lock (_lock)
        {
            steps = NextScript();
            _seen.Add(seen);
        }

        var mode = steps.Count > 0 && steps[0]?["read"] is { } read ? read.GetValue<string>() : null;
        if ((mode ?? "all") == "all")
        {
            await connection.UntilAsync(() => Whole() || connection.PeerEnd is not null, BodyPatience);
        }

        Note();
        var marks = new JsonObject();
        var alive = await RunStepsAsync(connection, steps.Skip(mode is null ? 0 : 1), record, marks, start, Whole, Note);
        Note();
        lock (_lock)
        {
            if (record["incomplete"] is not null)
            {
                record["connection_end"] = connection.PeerEnd ?? "open";
            }

            if (marks.Count > 0)
            {
                record["marks"] = marks;
            }

            seen.Busy = false;
        }

        if (!alive || connection.PeerEnd is not null)
        {
            return false;
        }

        await connection.UntilAsync(() => Whole() || connection.PeerEnd is not null, LateBodyPatience);
        connection.Consume(bodyStart + connection.Look(r => HttpMessage.RequestBody(headers, r.Span[bodyStart..])).Consumed);
        return true;

        bool Whole() => connection.Look(r => BodyMayBeWhole(headers, r.Span[bodyStart..]) && HttpMessage.RequestBody(headers, r.Span[bodyStart..]).Complete);

        void Note()
        {
            var body = connection.Look(r => HttpMessage.RequestBody(headers, r.Span[bodyStart..]));
            lock (_lock)
            {
                NoteBody(record, headers, body);
            }
        }
    }

    private async Task<bool> RunStepsAsync(
        RawConnection connection, IEnumerable<JsonNode?> steps, JsonObject record, JsonObject marks, double start, Func<bool> whole, Action note)
    {
        foreach (var step in steps)
        {
            if (step!["read_rest"] is not null)
            {
                var patience = step["timeout"] is null ? TimeSpan.FromSeconds(30) : ScriptSteps.PatienceOf(step.AsObject());
                await connection.UntilAsync(() => whole() || connection.PeerEnd is not null, patience);
                note();
            }
            else if (step["watch_close"] is { } seconds)
            {
                await connection.UntilAsync(() => connection.PeerEnd is not null, TimeSpan.FromSeconds(seconds.GetValue<double>()));
                lock (_lock)
                {
                    record["peer_end"] = connection.PeerEnd ?? "open";
                }

                if (connection.PeerEnd is not null)
                {
                    marks["peer_end"] = Math.Round(connection.PeerEndAt - start, 2);
                }
            }
            else if (!await ScriptSteps.RunAsync(connection, [step], _rendezvous, marks, start))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Cheap test before a long chunked body is read again on every arrival.</summary>
    private static bool BodyMayBeWhole(JsonArray headers, ReadOnlySpan<byte> rest) =>
        HttpMessage.Header(headers, "transfer-encoding") is null || rest.EndsWith("\r\n\r\n"u8);

    private static void NoteBody(JsonObject record, JsonArray headers, HttpMessage.Body body)
    {
        record["framing"] = HttpMessage.Header(headers, "transfer-encoding") is not null ? "chunked"
            : HttpMessage.Header(headers, "content-length") is not null ? "length" : "none";
        record["body"] = RecordedBody.Of(body.Bytes);
        if (body.Trailers.Count > 0)
        {
            record["trailers"] = body.Trailers.DeepClone();
        }

        if (body.Complete)
        {
            record.Remove("incomplete");
        }
        else
        {
            record["incomplete"] = true;
        }
    }

    private JsonArray NextScript()
    {
        var request = _requests++;
        if (_script is null || _script.Count == 0)
        {
            return [new JsonObject { ["text"] = DefaultAnswer }];
        }

        return _script[0] is JsonArray ? _script[Math.Min(request, _script.Count - 1)]!.AsArray() : _script;
    }
}
