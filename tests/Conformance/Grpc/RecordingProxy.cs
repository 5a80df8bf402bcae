using System.Net;
using System.Net.Sockets;
using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Grpc;

/// <summary>
/// Stands between two sidecars: it listens where the callee announces itself, passes every byte on to where the callee really listens,
/// and decodes the HTTP/2 frames of both directions.
/// </summary>
internal sealed class RecordingProxy : IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly IPEndPoint _target;
    private readonly Lock _lock = new();
    private readonly List<RecordedExchange> _exchanges = [];
    private readonly List<Socket> _sockets = [];

    public RecordingProxy(IPEndPoint at, IPEndPoint target)
    {
        _target = target;
        _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _listener.Bind(at);
        _listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>The streams opened since the last call, once they are over or the time is.</summary>
    public async Task<IReadOnlyList<RecordedExchange>> TakeAsync(TimeSpan patience)
    {
        var deadline = Wire.Clock.Now + patience.TotalSeconds;
        while (true)
        {
            lock (_lock)
            {
                if (Wire.Clock.Now >= deadline || _exchanges.TrueForAll(e => e.IsOver))
                {
                    List<RecordedExchange> taken = [.. _exchanges];
                    _exchanges.Clear();
                    return taken;
                }
            }

            await Task.Delay(10);
        }
    }

    public void Dispose()
    {
        _listener.Dispose();
        lock (_lock)
        {
            _sockets.ForEach(s => s.Dispose());
            _sockets.Clear();
        }
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            try
            {
                var client = await _listener.AcceptAsync();
                _ = Task.Run(() => ServeAsync(client));
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket client)
    {
        var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        client.NoDelay = true;
        lock (_lock)
        {
            _sockets.Add(client);
            _sockets.Add(server);
        }

        try
        {
            await server.ConnectAsync(_target);
            var connection = new Connection(this);
            await Task.WhenAll(PumpAsync(client, server, connection.Requests), PumpAsync(server, client, connection.Responses));
        }
        catch (SocketException)
        {
            // The callee is gone: so is the caller's connection.
        }
        finally
        {
            client.Dispose();
            server.Dispose();
        }
    }

    private static async Task PumpAsync(Socket from, Socket to, FrameDecoder decoder)
    {
        var buffer = new byte[64 * 1024];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer)) > 0)
            {
                decoder.Take(buffer.AsSpan(0, count));
                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent));
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            from.Dispose();
            to.Dispose();
        }
    }

    private RecordedExchange NewExchange()
    {
        var exchange = new RecordedExchange();
        _exchanges.Add(exchange);
        return exchange;
    }

    /// <summary>The two directions of one connection and the streams on it.</summary>
    private sealed class Connection
    {
        private readonly RecordingProxy _proxy;
        private readonly Dictionary<int, RecordedExchange> _streams = [];

        public Connection(RecordingProxy proxy)
        {
            _proxy = proxy;
            Requests = new FrameDecoder(Http2Frame.Preface.Length, f => Note(f, isRequest: true));
            Responses = new FrameDecoder(0, f => Note(f, isRequest: false));
        }

        public FrameDecoder Requests { get; }

        public FrameDecoder Responses { get; }

        private void Note(FrameDecoder.Decoded decoded, bool isRequest)
        {
            lock (_proxy._lock)
            {
                if (decoded.Frame.Stream == 0)
                {
                    return;
                }

                if (!_streams.TryGetValue(decoded.Frame.Stream, out var exchange))
                {
                    _streams[decoded.Frame.Stream] = exchange = _proxy.NewExchange();
                }

                var seen = isRequest ? exchange.Request : exchange.Response;
                if (decoded.Frame.Type == Http2FrameType.RstStream)
                {
                    exchange.ResetName = ResetName(decoded.Frame.ErrorCode);
                }
                else if (decoded.Frame.Type == Http2FrameType.Data)
                {
                    seen.Body.Write(decoded.Frame.Content);
                }
                else if (decoded.Fields is not null)
                {
                    if (seen.Headers is null)
                    {
                        seen.Headers = decoded.Fields;
                    }
                    else
                    {
                        seen.Trailers = decoded.Fields;
                    }
                }

                seen.Ended |= decoded.EndsStream;
            }
        }

        private static string ResetName(int code) => code switch { 0 => "NO_ERROR", 1 => "PROTOCOL_ERROR", 2 => "INTERNAL_ERROR", 8 => "CANCEL", _ => $"{code}" };
    }
}
