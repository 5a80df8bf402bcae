using System.Net;
using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Load.Ticks;

/// <summary>
/// The client of the ticker: one connection with many bidirectional streams. Every number must come, in its order; every hundredth is
/// answered with a message. What the given processes hold in memory is read when a fifth of the time has passed, and at the end.
/// </summary>
internal sealed class TickClient(LoadOptions options, TimeProvider time)
{
    private const int AnswerEvery = 100;
    private const double SettleShare = 0.2;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly LoadTarget _target = LoadTarget.Parse(options.Url, 1);
    private long _received;
    private long _answered;

    public async Task<TickResult> RunAsync()
    {
        var endPoint = new IPEndPoint(new IPAddress(_target.AddressBigEndian), _target.Port);
        await using var socket = await SocketConnector.ConnectAsync(endPoint, Patience, time, CancellationToken.None);
        await using var connection = Http2Connection.StartClient(socket, new Http2Options(), time);
        await connection.Ready.WaitAsync(Patience);
        using var stop = new CancellationTokenSource();
        var streams = Enumerable.Range(0, options.Streams).Select(_ => RunStreamAsync(connection, stop.Token)).ToArray();

        await Task.Delay(TimeSpan.FromSeconds(options.Seconds * SettleShare), time);
        var (before, from, began) = (Usage(), Interlocked.Read(ref _received), time.GetTimestamp());
        await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(options.Seconds * (1 - SettleShare)), time), Task.WhenAll(streams));
        var (after, to, seconds) = (Usage(), Interlocked.Read(ref _received), time.GetElapsedTime(began).TotalSeconds);
        await stop.CancelAsync();
        await Task.WhenAll(streams).WaitAsync(Patience);
        var messages = Math.Max(1, to - from);
        return new TickResult(
            options.Streams,
            to - from,
            Interlocked.Read(ref _answered),
            seconds,
            (to - from) / seconds,
            [.. before.Select(usage => usage.ResidentBytes)],
            [.. after.Select(usage => usage.ResidentBytes)],
            [.. after.Zip(before, (late, early) => (late.CpuNanoseconds - early.CpuNanoseconds) / 1000.0 / messages)]);
    }

    private ProcessUsage[] Usage() => [.. options.Processes.Select(ProcessUsage.Read)];

    private async Task RunStreamAsync(Http2Connection connection, CancellationToken stop)
    {
        if (!connection.TryOpenStream(out var stream))
        {
            throw new LoadException("the server takes no more streams");
        }

        using var use = stream;
        stream.WriteHead(Head(), endStream: false);
        stream.Flush();
        var ended = false;
        for (long next = 0; ;)
        {
            var read = await stream.Input.ReadAsync(CancellationToken.None);
            var buffer = read.Buffer;
            var first = next;
            while (TickMessage.TryRead(ref buffer, out var number))
            {
                if (number != next++)
                {
                    throw new LoadException($"tick {number} came where {next - 1} was due");
                }
            }

            stream.Input.AdvanceTo(buffer.Start, buffer.End);
            Interlocked.Add(ref _received, next - first);
            if (read.IsCompleted)
            {
                Check(stream);
                return;
            }

            if (stop.IsCancellationRequested)
            {
                // The ticks go on until the server has seen this.
                if (!ended)
                {
                    stream.End(null);
                    ended = true;
                }
            }
            else if (next / AnswerEvery != first / AnswerEvery)
            {
                TickMessage.Write(stream.Output, next);
                await stream.Output.FlushAsync(CancellationToken.None);
                Interlocked.Increment(ref _answered);
            }
        }
    }

    private static void Check(Http2Stream stream)
    {
        var fields = stream.EndedWithHeaders ? stream.Headers : stream.Trailers;
        if (!fields.TryGet("grpc-status"u8, out var status) || !status.SequenceEqual("0"u8))
        {
            fields.TryGet("grpc-message"u8, out var message);
            throw new LoadException($"a stream ended with status {Encoding.ASCII.GetString(status)}: {Encoding.UTF8.GetString(message)}");
        }
    }

    private HeaderList Head()
    {
        var head = new HeaderList();
        Add(":method", "POST");
        Add(":scheme", "http");
        Add(":path", _target.Paths[0]);
        Add(":authority", _target.Authority);
        Add("te", "trailers");
        Add("content-type", "application/grpc");
        foreach (var header in options.Headers)
        {
            var colon = header.IndexOf(':');
            Add(header[..colon].ToLowerInvariant(), header[(colon + 1)..].Trim());
        }

        return head;

        void Add(string name, string value) => head.Add(Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value));
    }
}
