using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;
using static FastSidecar.Integration.Shared.Http2Frames;

namespace FastSidecar.Integration.Peers;

/// <summary>A caller's sidecar that runs recorded steps as the first stream of a connection, and keeps what came back on it.</summary>
internal sealed class RecordedClient(RawConnection connection) : IDisposable
{
    public static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    private readonly HpackDecoder _decoder = new(1 << 20);
    private readonly MemoryStream _data = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _reading = Task.CompletedTask;
    private bool _hasHead;
    private long _window = 65_535;
    private long _streamWindow = 65_535;

    /// <summary>Fields of all HEADERS frames, the later ones behind the earlier.</summary>
    public Dictionary<string, string> Fields { get; } = [];

    /// <summary>The peer has ended the stream, in whatever way.</summary>
    public bool Ended { get; private set; }

    /// <summary>The first HEADERS ended the stream.</summary>
    public bool TrailersOnly { get; private set; }

    /// <summary>The connection has ended, or a GOAWAY announces it.</summary>
    public bool ConnectionEnded { get; private set; }

    public uint? ResetCode { get; private set; }

    public byte[] Received => _data.ToArray();

    public static async Task<RecordedClient> ConnectAsync(int port) => new(await RawConnection.ConnectAsync(port));

    /// <summary>Runs the steps and waits for the end of the stream, or as long as it is <paramref name="patience"/>.</summary>
    public async Task RunAsync(JsonArray steps, TimeSpan patience)
    {
        await connection.SendAsync(ClientStart);
        _reading = ReadAsync();
        foreach (var step in steps.Cast<JsonObject>())
        {
            if (step["wait"] is not null)
            {
                await UntilAsync(() => _data.Length > 0, EndPatience);
            }
            else if (step["sleep"] is { } seconds)
            {
                await Task.Delay(RecordedSteps.Seconds(seconds));
            }
            else if (step["close"] is not null)
            {
                connection.FinishSending();
            }

            foreach (var frame in RecordedSteps.Frames(step, 1))
            {
                if (frame[3] == Data)
                {
                    var size = frame.Length - 9;
                    var hasCredit = () => Interlocked.Read(ref _window) >= size && Interlocked.Read(ref _streamWindow) >= size;
                    await UntilAsync(() => Ended || hasCredit(), TestTimeouts.Default);
                    if (Ended)
                    {
                        // Answered before everything was sent.
                        return;
                    }

                    Interlocked.Add(ref _window, -size);
                    Interlocked.Add(ref _streamWindow, -size);
                }

                await connection.SendAsync(frame);
            }
        }

        await UntilAsync(() => Ended, patience);
    }

    public void Dispose() => connection.Dispose();

    private async Task ReadAsync()
    {
        try
        {
            while (await connection.ReceiveAsync())
            {
                foreach (var (type, flags, stream, payload) in Read(connection.Received))
                {
                    connection.Take(9 + payload.Length);
                    await TakeAsync(type, flags, stream, payload);
                }

                Change();
            }
        }
        catch (Exception e) when (e is ObjectDisposedException or TimeoutException)
        {
            // The test has seen enough.
        }

        ConnectionEnded = true;
        Ended = true;
        Change();
    }

    private async Task TakeAsync(byte type, byte flags, int stream, byte[] payload)
    {
        switch (type)
        {
            case SettingsType when (flags & Ack) == 0:
                for (var at = 0; at < payload.Length; at += 6)
                {
                    if (BinaryPrimitives.ReadUInt16BigEndian(payload.AsSpan(at)) == 4)
                    {
                        Interlocked.Add(ref _streamWindow, BinaryPrimitives.ReadInt32BigEndian(payload.AsSpan(at + 2)) - 65_535);
                    }
                }

                await connection.SendAsync(Frame(SettingsType, Ack, 0));
                break;
            case WindowUpdateType:
                Interlocked.Add(ref stream == 0 ? ref _window : ref _streamWindow, BinaryPrimitives.ReadInt32BigEndian(payload));
                break;
            case HeadersType:
                var fields = new HeaderList();
                _decoder.Decode(payload, fields);
                for (var i = 0; i < fields.Count; i++)
                {
                    Fields[Encoding.UTF8.GetString(fields.Name(i))] = Encoding.UTF8.GetString(fields.Value(i));
                }

                TrailersOnly |= (flags & EndStream) != 0 && !_hasHead;
                _hasHead = true;
                Ended |= (flags & EndStream) != 0;
                break;
            case Data:
                _data.Write(payload);
                Ended |= (flags & EndStream) != 0;
                break;
            case RstStream:
                ResetCode = BinaryPrimitives.ReadUInt32BigEndian(payload);
                Ended = true;
                break;
            case GoAway:
                ConnectionEnded = true;
                Ended = true;
                break;
        }
    }

    private async Task UntilAsync(Func<bool> condition, TimeSpan limit)
    {
        var late = Task.Delay(limit);
        while (true)
        {
            var changed = Volatile.Read(ref _changed).Task;
            if (condition() || late.IsCompleted)
            {
                return;
            }

            await Task.WhenAny(changed, late);
        }
    }

    private void Change() =>
        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).SetResult();
}
