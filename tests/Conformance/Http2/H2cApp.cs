using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Http2;

/// <summary>What an <see cref="H2cApp"/> answers.</summary>
internal sealed record H2cAnswer(IReadOnlyList<(string Name, string Value)> Headers, byte[] Body, IReadOnlyList<(string Name, string Value)>? Trailers = null);

/// <summary>An app that speaks HTTP/2 without TLS with prior knowledge, and notes what it saw.</summary>
internal sealed class H2cApp : IDisposable
{
    private static readonly TimeSpan Forever = TimeSpan.FromHours(1);
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Lock _lock = new();
    private readonly List<JsonObject> _seen = [];

    public H2cApp(int port)
    {
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _listener.Listen(64);
        _ = AcceptAsync();
    }

    public H2cAnswer Answer { get; set; } = new([], []);

    public JsonArray TakeSeen()
    {
        lock (_lock)
        {
            var seen = new JsonArray([.. _seen]);
            _seen.Clear();
            return seen;
        }
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                var socket = await _listener.AcceptAsync();
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
        using var connection = new RawConnection(socket);
        try
        {
            var preface = Http2Frame.Preface.Length;
            await connection.UntilAsync(() => connection.PeerEnd is not null || connection.Count >= preface, Forever);
            if (!connection.Look(r => r.Span.StartsWith(Http2Frame.Preface)))
            {
                return;
            }

            connection.Consume(preface);
            var peer = new Http2Peer(connection);
            await peer.StartAsync();
            var answered = new HashSet<int>();
            while (await peer.ReadUntilAsync(() => peer.Streams.Any(s => s.Value.IsOver && !answered.Contains(s.Key)), Forever))
            {
                foreach (var (id, stream) in peer.Streams.Where(s => s.Value.IsOver && answered.Add(s.Key)).ToList())
                {
                    await AnswerAsync(peer, id, stream);
                }
            }
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
        {
            // The sidecar went away.
        }
    }

    private async Task AnswerAsync(Http2Peer peer, int id, Http2StreamSeen stream)
    {
        var isQuiet = stream.Headers!.Contains((":path", "/dapr/config"));
        var answer = isQuiet ? new H2cAnswer([(":status", "404")], []) : Answer;
        if (!isQuiet)
        {
            Note(stream);
        }

        var endsWithHeaders = answer.Body.Length == 0 && answer.Trailers is null;
        var frames = Http2Frame.Headers(id, answer.Headers, endsWithHeaders);
        if (!endsWithHeaders)
        {
            frames = frames.Concat(Http2Frame.Data(id, answer.Body, endStream: answer.Trailers is null));
        }

        await peer.SendAsync(answer.Trailers is null ? frames : frames.Concat(Http2Frame.Headers(id, answer.Trailers, endStream: true)));
    }

    private void Note(Http2StreamSeen stream)
    {
        var record = new JsonObject
        {
            ["headers"] = new JsonArray([.. stream.Headers!.OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => new JsonArray(f.Name, f.Value))]),
            ["body"] = RecordedBody.Of(stream.Body.ToArray()),
        };
        lock (_lock)
        {
            _seen.Add(record);
        }
    }
}
