using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Grpc;

/// <summary>
/// A raw HTTP/2 server that runs a script per stream and notes what it saw: the gRPC app behind a sidecar, or in place of a whole callee.
/// </summary>
internal sealed class GrpcApp(int port, string address = "127.0.0.1") : IDisposable
{
    private static readonly TimeSpan BusyPatience = TimeSpan.FromSeconds(6);
    private readonly Lock _lock = new();
    private readonly List<GrpcPeer> _peers = [];
    private readonly List<Seen> _seen = [];
    private readonly List<double> _connected = [];
    private JsonNode? _script;
    private double _start = Clock.Now;
    private int _calls;
    private Socket? _listener;

    private sealed class Seen(GrpcStream stream, int connection, double at)
    {
        public GrpcStream Stream { get; } = stream;

        public int Connection { get; } = connection;

        public double At { get; } = at;

        public bool Busy { get; set; } = true;
    }

    public int Port { get; } = port;

    /// <summary>Messages are noted as bytes, whatever the method.</summary>
    public bool ShowsBytes { get; init; }

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS of its connections; null: not said.</summary>
    public int? MostStreams { get; init; }

    /// <summary>Paths that are answered with UNIMPLEMENTED and not noted: the sidecar's own questions.</summary>
    public HashSet<string> Quiet { get; } = [];

    public void Start()
    {
        _listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Parse(address), Port));
        _listener.Listen(128);
        _ = AcceptAsync(_listener);
    }

    /// <summary>Stops listening and ends every connection.</summary>
    public void Stop()
    {
        _listener?.Dispose();
        _listener = null;
        lock (_lock)
        {
            foreach (var peer in _peers)
            {
                peer.Connection.ShutDown();
            }

            _peers.Clear();
        }
    }

    public void Dispose() => Stop();

    /// <summary>
    /// Forgets what was seen and takes the script of the next calls: steps, a list of such lists, scripts by method, or the name of what happens to
    /// connections: <c>close</c>, <c>close-once</c>, <c>silence</c>, <c>http1</c>.
    /// </summary>
    public void Expect(JsonNode? script)
    {
        lock (_lock)
        {
            _script = script;
            _calls = 0;
            _start = Clock.Now;
            _seen.Clear();
            _connected.Clear();
        }
    }

    /// <summary>Waits until a call has come.</summary>
    public async Task CalledAsync(TimeSpan patience)
    {
        var deadline = Clock.Now + patience.TotalSeconds;
        while (Clock.Now < deadline)
        {
            lock (_lock)
            {
                if (_seen.Count > 0)
                {
                    return;
                }
            }

            await Task.Delay(5);
        }
    }

    /// <summary>How many calls each connection that had any carried.</summary>
    public JsonArray StreamsPerConnection()
    {
        lock (_lock)
        {
            return new JsonArray([.. _seen.GroupBy(s => s.Connection).Select(g => (JsonNode)g.Count())]);
        }
    }

    /// <summary>Seconds at which connections came.</summary>
    public JsonArray ConnectedAt()
    {
        lock (_lock)
        {
            return new JsonArray([.. _connected.Select(t => (JsonNode)(int)(t - _start))]);
        }
    }

    /// <summary>The calls so far; waits for <paramref name="count"/> of them, for scripts that run, and until <paramref name="until"/> accepts them.</summary>
    public async Task<JsonArray> SeenAsync(int count, TimeSpan patience, Func<JsonArray, bool>? until = null)
    {
        var deadline = Clock.Now + patience.TotalSeconds;
        while (true)
        {
            lock (_lock)
            {
                var isBusy = _seen.Exists(s => s.Busy) && Clock.Now < deadline + BusyPatience.TotalSeconds;
                var isLate = Clock.Now >= deadline;
                if (isLate || (!isBusy && _seen.Count >= count))
                {
                    var calls = new JsonArray([.. _seen.Select(Note)]);
                    if (isLate || until is null || until(calls))
                    {
                        return calls;
                    }
                }
            }

            await Task.Delay(5);
        }
    }

    private JsonObject Note(Seen seen)
    {
        var call = GrpcNotes.Call(seen.Stream, ShowsBytes);
        var path = seen.Stream.Seen.Headers?.Find(f => f.Name == ":path").Value ?? "";
        call["method"] = path[(path.LastIndexOf('/') + 1)..];
        call["message_count"] = seen.Stream.MessageCount;
        call["conn_no"] = seen.Connection;
        call["at_second"] = (int)(seen.At - _start);
        return call;
    }

    private async Task AcceptAsync(Socket listener)
    {
        while (true)
        {
            try
            {
                var socket = await listener.AcceptAsync();
                int number;
                string? fate;
                lock (_lock)
                {
                    _connected.Add(Clock.Now);
                    number = _connected.Count;
                    fate = _script is JsonValue v ? v.GetValue<string>() : null;
                }

                _ = Task.Run(() => ServeAsync(socket, number, fate));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket socket, int number, string? fate)
    {
        var connection = new RawConnection(socket);
        try
        {
            if (fate is "close" || (fate == "close-once" && number == 1))
            {
                connection.Close();
                return;
            }

            if (fate == "http1")
            {
                await connection.UntilAsync(() => connection.PeerEnd is not null || connection.Count > 0, TimeSpan.FromSeconds(5));
                await connection.SendAsync(Encoding.Latin1.GetBytes("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
                connection.Close();
                return;
            }

            GrpcPeer? peer = null;
            peer = new GrpcPeer(connection, isServer: true) { Opened = stream => _ = Task.Run(() => AnswerAsync(peer!, stream, number)) };
            lock (_lock)
            {
                _peers.Add(peer);
            }

            if (fate != "silence")
            {
                await peer.StartAsync(MostStreams);
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            connection.Dispose();
        }
    }

    private async Task AnswerAsync(GrpcPeer peer, GrpcStream stream, int connection)
    {
        var path = stream.Seen.Headers!.Find(f => f.Name == ":path").Value ?? "";
        if (Quiet.Contains(path))
        {
            await peer.SendAsync(Http2Frame.Headers(stream.Id, [(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")], endStream: true));
            return;
        }

        var seen = new Seen(stream, connection, Clock.Now);
        JsonArray steps;
        lock (_lock)
        {
            steps = NextScript(path[(path.LastIndexOf('/') + 1)..]);
            _seen.Add(seen);
        }

        try
        {
            await GrpcScript.RunAsync(peer, stream, steps);
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The sidecar has gone.
        }

        lock (_lock)
        {
            seen.Busy = false;
        }
    }

    /// <summary>What an app without a script answers.</summary>
    private static JsonArray Default() =>
    [
        new JsonObject { ["wait"] = "end" },
        new JsonObject { ["headers"] = new JsonArray(new JsonArray(":status", "200"), new JsonArray("content-type", "application/grpc")) },
        new JsonObject { ["msg"] = new JsonObject { ["data"] = new JsonObject { ["value"] = "r" } }, ["type"] = "InvokeResponse" },
        new JsonObject { ["trailers"] = new JsonArray((JsonNode)new JsonArray("grpc-status", "0")) },
    ];

    private static JsonArray OkFromCallee() =>
        JsonNode.Parse("""
            [
              { "wait": "end", "timeout": 4 },
              { "headers": [[":status", "200"], ["content-type", "application/grpc"]] },
              {
                "msg": {
                  "response": { "status": { "code": 200 }, "headers": { "Content-Type": ["text/plain"] }, "message": { "content_type": "text/plain" } },
                  "payload": { "data": "ok" }
                },
                "type": "InternalInvokeResponseStream"
              },
              { "trailers": [["grpc-status", "0"], ["grpc-message", ""]] }
            ]
            """)!.AsArray();

    private JsonArray NextScript(string method)
    {
        var call = _calls++;
        return _script switch
        {
            JsonArray { Count: > 0 } list when list[0] is JsonArray => list[Math.Min(call, list.Count - 1)]!.AsArray(),
            JsonArray list => list,
            JsonObject byMethod => (byMethod[method] ?? byMethod["*"] ?? byMethod.First().Value)!.AsArray(),
            JsonValue => OkFromCallee(),
            _ => Default(),
        };
    }
}
