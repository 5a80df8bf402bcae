using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>How many flushes of the transport (each one a system call) things cost, and that pieces of any size mean the same.</summary>
public sealed class BatchTests
{
    [Fact]
    public async Task SmallRequest_IsOneFlush()
    {
        var pipes = new PipePair();
        var counted = new CountingPipe(pipes.Client);
        await using var client = Http2Connection.StartClient(counted, new Http2Options(), TimeProvider.System);
        await pipes.Server.Output.WriteAsync(Join(SettingsFrame(), SettingsAck));
        await client.Ready.Within("ready");
        await counted.QuietAsync();
        counted.Flushes = 0;
        Assert.True(client.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        stream.Output.Write(new byte[100]);
        Assert.Equal(0, counted.Flushes);
        stream.End(Heads.List(("a", "b")));
        Assert.Equal(1, counted.Flushes);
        stream.Dispose();
        await pipes.Server.Output.CompleteAsync();
    }

    [Fact]
    public async Task AnswersOfOneBatch_AreOneFlush()
    {
        var pipes = new PipePair();
        var counted = new CountingPipe(pipes.Server);
        await using var server = Http2Connection.StartServer(counted, new Http2Options(), new TestHandler(Handlers.EchoAsync), TimeProvider.System);
        await pipes.Client.Output.WriteAsync(Join(Preface, SettingsFrame(), SettingsAck));
        await counted.QuietAsync();
        counted.Flushes = 0;
        var requests = Enumerable.Range(0, 20).SelectMany(i => Join(Request(1 + (2 * i), false), DataFrame(1 + (2 * i), [1, 2, 3], end: true))).ToArray();
        await pipes.Client.Output.WriteAsync(requests);
        await WaitForEndsAsync(pipes.Client.Input, 20);
        Assert.Equal(1, counted.Flushes);
        await pipes.Client.Output.CompleteAsync();
    }

    [Fact]
    public async Task WritesDuringAFlush_LeaveTogetherAfterIt()
    {
        var pipes = new PipePair(pauseBytes: 2_000);
        var counted = new CountingPipe(pipes.Client);
        await using var client = Http2Connection.StartClient(counted, new Http2Options(), TimeProvider.System);
        await pipes.Server.Output.WriteAsync(Join(SettingsFrame(), SettingsAck));
        await client.Ready.Within("ready");
        await counted.QuietAsync();
        counted.Flushes = 0;
        Assert.True(client.TryOpenStream(out var first));
        first.WriteHead(Heads.Request(), endStream: false);
        first.Output.Write(new byte[3_000]);
        first.End(null); // fills the pipe: its flush stays pending
        for (var i = 0; i < 10; i++)
        {
            Assert.True(client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(), endStream: false);
            stream.Output.Write(new byte[10]);
            stream.End(null);
        }

        Assert.Equal(1, counted.Flushes);
        await WaitForEndsAsync(pipes.Server.Input, 11, skip: Preface.Length);
        Assert.InRange(counted.Flushes, 2, 3);
        await pipes.Server.Output.CompleteAsync();
    }

    [Fact]
    public async Task ConversationByteByByte_MeansTheSame()
    {
        await using var peer = ScriptedPeer.AsClient();
        await peer.SendByteByByteAsync(Conversation());
        await ExpectConversationAsync(peer);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public async Task ConversationInRandomPieces_MeansTheSame(int seed)
    {
        var random = new Random(seed);
        await using var peer = ScriptedPeer.AsClient();
        var bytes = Conversation();
        for (var at = 0; at < bytes.Length;)
        {
            var length = Math.Min(random.Next(1, 40), bytes.Length - at);
            await peer.SendAsync(bytes[at..(at + length)]);
            if (random.Next(3) == 0)
            {
                await Task.Yield();
            }

            at += length;
        }

        await ExpectConversationAsync(peer);
    }

    [Fact]
    public async Task ConversationCutAtEveryByte_EndsCleanly()
    {
        var bytes = Conversation();
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            var failures = 0;
            await using var peer = ScriptedPeer.AsClient(async stream =>
            {
                try
                {
                    await Handlers.EchoAsync(stream);
                }
                catch (IOException)
                {
                    failures++;
                }
            });
            await peer.SendAsync(bytes[..cut]);
            await peer.EndAsync();
            await peer.ExpectEndAsync();
            await peer.Connection.Closed.Within($"the end after {cut} bytes");
            Assert.Empty(peer.Handler.Failures);
            Assert.Equal(0, peer.Connection.ActiveStreams);
        }
    }

    [Fact]
    public async Task ResponseCutAtEveryByte_NeverLooksComplete()
    {
        var bytes = Join(
            SettingsFrame(), SettingsAck, Response(1, false, ("a", "b")), DataFrame(1, [1, 2, 3]), Frame(Data, Padded, 1, 2, 4, 5, 0, 0),
            HeadersFrame(1, Block(("grpc-status", "0")), true));
        for (var cut = 0; cut < bytes.Length; cut++)
        {
            await using var peer = ScriptedPeer.AsServer();
            Assert.True(peer.Connection.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(), endStream: true);
            await peer.SendAsync(bytes[..cut]);
            await peer.EndAsync();
            await Assert.ThrowsAsync<Http2ConnectionException>(async () =>
            {
                await stream.ReadHeadAsync(default).AsTask().Within("head");
                await stream.ReadAllAsync().Within("body");
            });
            stream.Dispose();
            await peer.Connection.Closed.Within($"the end after {cut} bytes");
        }
    }

    private static byte[] Conversation()
    {
        var block = Block((":method", "POST"), (":scheme", "http"), (":path", "/p"), ("x", "y"));
        return Join(
            Preface,
            SettingsFrame((4, 100_000), (1, 0)),
            SettingsAck,
            Request(1, false),
            Frame(0x77, 1, 0, 1, 2, 3),
            DataFrame(1, [1, 2, 3]),
            Frame(Head, Padded | HasPriority | EndStream, 3, [1, 0, 0, 0, 0, 9, .. block[..9], 0]),
            Frame(Continuation, 0, 3, block[9..20]),
            Frame(Continuation, EndHeaders, 3, block[20..]),
            Frame(Priority, 0, 5, 0, 0, 0, 0, 1),
            PingFrame(7),
            WindowUpdateFrame(1, 100),
            WindowUpdateFrame(0, 100),
            Frame(Data, Padded, 1, 3, 4, 5, 0, 0, 0),
            DataFrame(1, []),
            HeadersFrame(1, Block(("trailer", "t")), true),
            Request(5, false),
            Reset(5, 8),
            SettingsFrame(),
            Request(7, true));
    }

    private static async Task ExpectConversationAsync(ScriptedPeer peer)
    {
        var heads = new HashSet<int>();
        var body = new List<byte>();
        var ended = new HashSet<int>();
        var pinged = false;
        while (!(ended.IsSupersetOf([1, 3, 7]) && pinged))
        {
            var frame = await peer.NextAsync();
            switch (frame.Type)
            {
                case Head:
                    peer.Decode(frame);
                    heads.Add(frame.StreamId);
                    break;
                case Data when frame.StreamId == 1:
                    body.AddRange(frame.Payload);
                    break;
                case Ping:
                    pinged |= frame.Has(Ack);
                    break;
                default:
                    break;
            }

            if (frame.Type is Head or Data && frame.Has(EndStream))
            {
                ended.Add(frame.StreamId);
            }
        }

        Assert.Equal([1, 2, 3, 4, 5], body);
        Assert.Superset(new HashSet<int> { 1, 3, 7 }, heads);
        await peer.ExpectAliveAsync();
        Assert.Equal(0, peer.Connection.ActiveStreams);
    }

    /// <summary>Reads frames until that many carried END_STREAM.</summary>
    private static async Task WaitForEndsAsync(PipeReader input, int ends, int skip = 0)
    {
        while (ends > 0)
        {
            var read = await input.ReadAtLeastAsync(skip + 9).AsTask().Within("a frame");
            if (skip > 0)
            {
                input.AdvanceTo(read.Buffer.GetPosition(skip));
                skip = 0;
                continue;
            }

            var header = read.Buffer.Slice(0, 9).ToArray();
            var length = (header[0] << 16) | (header[1] << 8) | header[2];
            input.AdvanceTo(read.Buffer.GetPosition(9));
            if (length > 0)
            {
                read = await input.ReadAtLeastAsync(length).AsTask().Within("a payload");
                input.AdvanceTo(read.Buffer.GetPosition(length));
            }

            ends -= header[3] is Data or Head && (header[4] & EndStream) != 0 ? 1 : 0;
        }
    }

    /// <summary>Counts flushes; each would be one send of a socket.</summary>
    private sealed class CountingPipe(IDuplexPipe inner) : PipeWriter, IDuplexPipe
    {
        private int _flushes;

        public int Flushes
        {
            get => Volatile.Read(ref _flushes);
            set => Volatile.Write(ref _flushes, value);
        }

        public PipeReader Input => inner.Input;

        public PipeWriter Output => this;

        /// <summary>Until the acknowledgements of the start are through.</summary>
        public async Task QuietAsync()
        {
            using var limit = new CancellationTokenSource(TestTimeouts.Default);
            while (Flushes < 2)
            {
                await Task.Delay(1, limit.Token);
            }

            // The second is counted as it begins; the thread that makes it has to come back from it before the next one counts as one of its own.
            await Task.Delay(250, limit.Token);
        }

        public override void Advance(int bytes) => inner.Output.Advance(bytes);

        public override void CancelPendingFlush() => inner.Output.CancelPendingFlush();

        public override void Complete(Exception? exception = null) => inner.Output.Complete(exception);

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _flushes);
            return inner.Output.FlushAsync(cancellationToken);
        }

        public override Memory<byte> GetMemory(int sizeHint = 0) => inner.Output.GetMemory(sizeHint);

        public override Span<byte> GetSpan(int sizeHint = 0) => inner.Output.GetSpan(sizeHint);
    }
}
