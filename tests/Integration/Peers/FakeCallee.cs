using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using static FastSidecar.Integration.Shared.Http2Frames;

namespace FastSidecar.Integration.Peers;

/// <summary>
/// A callee's sidecar that runs a recorded script on every stream: one script for all, a list of scripts in the order of arrival (the last repeats), or
/// scripts by method.
/// </summary>
internal sealed class FakeCallee : IAsyncDisposable
{
    private readonly JsonNode _scripts;
    private readonly ScriptedServer _server;
    private readonly List<string> _attempts = [];
    private readonly Dictionary<string, string> _requests = [];
    private int _connections;

    public FakeCallee(JsonNode scripts)
    {
        _scripts = scripts;
        _server = new ScriptedServer(connection => new Session(this, connection).RunAsync());
    }

    public int Port => _server.Port;

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The last part of the path of every stream, in the order they came.</summary>
    public string[] Attempts
    {
        get
        {
            lock (_attempts)
            {
                return [.. _attempts];
            }
        }
    }

    /// <summary>What came as DATA for a method, one byte a character.</summary>
    public string Request(string method)
    {
        lock (_attempts)
        {
            return _requests.GetValueOrDefault(method, "");
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private JsonArray ScriptFor(string method)
    {
        int number;
        lock (_attempts)
        {
            number = _attempts.Count;
            _attempts.Add(method);
        }

        return _scripts switch
        {
            JsonObject byMethod => (JsonArray)(byMethod[method] ?? byMethod["*"]!),
            JsonArray { Count: > 0 } inOrder when inOrder[0] is JsonArray => (JsonArray)inOrder[Math.Min(number, inOrder.Count - 1)]!,
            _ => (JsonArray)_scripts,
        };
    }

    private void AddToRequest(string method, byte[] data)
    {
        lock (_attempts)
        {
            _requests[method] = _requests.GetValueOrDefault(method, "") + Encoding.Latin1.GetString(data);
        }
    }

    /// <summary>What is known of a stream; scripts wait for a change of it.</summary>
    private sealed class StreamView
    {
        public required string Method { get; init; }

        public int DataFrames { get; set; }

        public bool Ended { get; set; }

        public long Window { get; set; }
    }

    private sealed class Session(FakeCallee owner, RawConnection connection)
    {
        private readonly Dictionary<int, StreamView> _streams = [];
        private readonly HpackDecoder _decoder = new(1 << 20);
        private readonly List<Task> _playing = [];
        private readonly SemaphoreSlim _sending = new(1);
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long _window = 65_535;
        private int _firstWindow = 65_535;
        private bool _gone;

        public async Task RunAsync()
        {
            Interlocked.Increment(ref owner._connections);
            await connection.SendAsync(Frame(SettingsType, 0, 0));
            if (await connection.ReceivedAsync(Preface.Length))
            {
                connection.Take(Preface.Length);
                do
                {
                    TakeFrames();
                }
                while (await connection.ReceiveAsync());
            }

            _gone = true;
            Change();
            await Task.WhenAll(_playing).Within("the end of the scripts of a connection");
        }

        private void TakeFrames()
        {
            foreach (var (type, flags, stream, payload) in Read(connection.Received))
            {
                connection.Take(9 + payload.Length);
                Take(type, flags, stream, payload);
            }

            Change();
        }

        private void Take(byte type, byte flags, int stream, byte[] payload)
        {
            switch (type)
            {
                case SettingsType when (flags & Ack) == 0:
                    for (var at = 0; at < payload.Length; at += 6)
                    {
                        if (BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(at)) == 4)
                        {
                            _firstWindow = BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(at + 2));
                        }
                    }

                    _ = SendAsync(Frame(SettingsType, Ack, 0));
                    break;
                case Ping when (flags & Ack) == 0:
                    _ = SendAsync(Frame(Ping, Ack, 0, payload));
                    break;
                case WindowUpdateType when stream == 0:
                    _window += BinaryPrimitives.ReadInt32BigEndian(payload);
                    break;
                case WindowUpdateType when _streams.TryGetValue(stream, out var view):
                    view.Window += BinaryPrimitives.ReadInt32BigEndian(payload);
                    break;
                case HeadersType when !_streams.ContainsKey(stream):
                    Open(stream, payload, ended: (flags & EndStream) != 0);
                    break;
                case Data when _streams.TryGetValue(stream, out var view):
                    owner.AddToRequest(view.Method, payload);
                    view.DataFrames += payload.Length > 0 ? 1 : 0;
                    view.Ended |= (flags & EndStream) != 0;
                    break;
                case RstStream when _streams.TryGetValue(stream, out var view):
                    view.Ended = true;
                    break;
            }
        }

        private void Open(int stream, byte[] block, bool ended)
        {
            var fields = new HeaderList();
            _decoder.Decode(block, fields);
            fields.TryGet(":path"u8, out var path);
            var method = Encoding.UTF8.GetString(path[(path.LastIndexOf((byte)'/') + 1)..]);
            var script = owner.ScriptFor(method);
            var view = new StreamView { Method = method, Ended = ended, Window = _firstWindow };
            _streams[stream] = view;
            _playing.Add(PlayAsync(script, stream, view));
        }

        private async Task PlayAsync(JsonArray script, int stream, StreamView view)
        {
            await Task.Yield();
            foreach (var step in script.Cast<JsonObject>())
            {
                if (step["wait"]?.GetValue<string>() is { } awaited)
                {
                    var limit = step["timeout"] is { } timeout ? RecordedSteps.Seconds(timeout) : TestTimeouts.Default;
                    await UntilAsync(() => awaited == "end" ? view.Ended : view.DataFrames > 0, limit);
                }
                else if (step["sleep"] is { } seconds)
                {
                    await Task.Delay(RecordedSteps.Seconds(seconds));
                }
                else if (step["close"]?.GetValue<string>() is { } how)
                {
                    if (how == "rst")
                    {
                        connection.Reset();
                    }
                    else
                    {
                        connection.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Both);
                    }
                }

                foreach (var frame in RecordedSteps.Frames(step, stream))
                {
                    if (frame[3] == Data)
                    {
                        var size = frame.Length - 9;
                        await UntilAsync(() => _window >= size && view.Window >= size, TestTimeouts.Default);
                        Interlocked.Add(ref _window, -size);
                        view.Window -= size;
                    }

                    await SendAsync(frame);
                }
            }
        }

        private async Task SendAsync(byte[] frame)
        {
            await _sending.WaitAsync();
            try
            {
                await connection.SendAsync(frame);
            }
            catch (ObjectDisposedException)
            {
                // The script closed it.
            }
            finally
            {
                _sending.Release();
            }
        }

        private async Task UntilAsync(Func<bool> condition, TimeSpan limit)
        {
            var late = Task.Delay(limit);
            while (true)
            {
                var changed = Volatile.Read(ref _changed).Task;
                if (condition() || _gone || late.IsCompleted)
                {
                    return;
                }

                await Task.WhenAny(changed, late);
            }
        }

        private void Change() =>
            Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
    }
}
