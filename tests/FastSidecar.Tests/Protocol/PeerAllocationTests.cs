using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;
using System.Reflection;
using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using Xunit;

namespace FastSidecar.Tests.Protocol;

/// <summary>In steady state a call costs no managed memory: not to encode, not to decode, not when it has to wait.</summary>
public sealed class PeerAllocationTests
{
    private const int WarmUps = 200;
    private const int Rounds = 1000;

    private static bool IsOptimised =>
        typeof(PeerMessageReader).Assembly.GetCustomAttribute<DebuggableAttribute>() is not { IsJITOptimizerDisabled: true };

    [Fact]
    public void Encoding_AllocatesNothing()
    {
        var output = new ArrayBufferWriter<byte>(64 * 1024);
        var metadata = PeerWire.Headers(
            ("Accept", "*/*"), ("Content-Type", "application/json"), ("Cookie", "a"), ("X-Forwarded-For", "10.0.0.1"), ("Cookie", "b"), ("User-Agent", "u"));
        var body = new ReadOnlySequence<byte>(new byte[1024]);

        AssertNoAllocation(() =>
        {
            output.ResetWrittenCount();
            var request = new PeerRequestFields(metadata) { Method = "api/echo"u8, Verb = HttpVerb.Post, Query = "x=1"u8, ContentType = "a/b"u8 };
            PeerRequestEncoder.WriteFirst(output, request, body, PeerWire.Limit);
            PeerRequestEncoder.WriteUnary(output, request, body, PeerWire.Limit);
            PeerPayloadEncoder.Write(output, body, 1, PeerWire.Limit);
            PeerPayloadEncoder.WritePrefix(output, 1024, 2, PeerWire.Limit);
            PeerPayloadEncoder.WriteSuffix(output, 2);
            var response = new PeerResponseFields(metadata) { StatusCode = 200, ContentType = "a/b"u8, Trailers = metadata };
            PeerResponseEncoder.WriteFirst(output, response, body, PeerWire.Limit);
            PeerResponseEncoder.WriteUnary(output, response, body, PeerWire.Limit);
            ErrorJson.Write(output, "ERR_DIRECT_INVOKE", "failed to invoke, id: callee, err: <EOF>");
        });
    }

    [Fact]
    public void Decoding_BytesAlreadyThere_AllocatesNothing()
    {
        var bytes = Call(laterMessages: 10);
        var input = new RepeatedInput(bytes);
        var reader = new PeerMessageReader();
        var head = new PeerRequestHead();

        AssertNoAllocation(() =>
        {
            input.Rewind();
            reader.Start(new PeerInput(input, default, PeerWire.Limit, IsUnary: false, End: null));
            Done(reader.ReadHeadAsync(head, CancellationToken.None));
            var result = Done(reader.ReadAsync());
            if (!result.IsCompleted || result.Buffer.Length != 11 * 100)
            {
                throw new InvalidOperationException("the body is not what was sent");
            }

            reader.AdvanceTo(result.Buffer.End);
            reader.Complete();
        });
    }

    /// <summary>Holds for optimised code only: without optimisation the compiler makes state machines objects, which no builder can pool.</summary>
    [Fact]
    public void Decoding_WaitingForEveryMessage_AllocatesNothing()
    {
        if (!IsOptimised)
        {
            return;
        }

        var pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, useSynchronizationContext: false));
        var first = Call(laterMessages: 0);
        var reader = new PeerMessageReader();
        var head = new PeerRequestHead();
        reader.Start(new PeerInput(pipe.Reader, default, PeerWire.Limit, IsUnary: false, End: null));
        var headRead = reader.ReadHeadAsync(head, CancellationToken.None);
        Send(pipe, first);
        Done(headRead);
        reader.AdvanceTo(Done(reader.ReadAsync()).Buffer.End);

        var later = new byte[32];
        ulong seq = 1;
        AssertNoAllocation(() =>
        {
            var output = new FixedWriter(later);
            WriteLater(ref output, seq++);
            var read = reader.ReadAsync();
            Send(pipe, later.AsSpan(0, output.Written - 4));
            if (read.IsCompleted)
            {
                // The data has come but for its end; the piece that came is handed out at once.
                reader.AdvanceTo(Done(read).Buffer.End);
                read = reader.ReadAsync();
            }

            Send(pipe, later.AsSpan(output.Written - 4, 4));
            reader.AdvanceTo(Done(read).Buffer.End);
        });
    }

    /// <summary>{payload{data of 8 bytes, seq}} by hand, so that the writer allocates nothing either.</summary>
    private static void WriteLater(ref FixedWriter output, ulong seq)
    {
        var seqBytes = seq < 128 ? 1 : seq < 16384 ? 2 : 3;
        output.Add([0, 0, 0, 0, (byte)(2 + 10 + 1 + seqBytes), 0x12, (byte)(10 + 1 + seqBytes), 0x0a, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x10]);
        for (; seq >= 128; seq >>= 7)
        {
            output.Add([(byte)(seq | 0x80)]);
        }

        output.Add([(byte)seq]);
    }

    private static byte[] Call(int laterMessages)
    {
        var metadata = PeerWire.Headers(("Accept", "*/*"), ("Cookie", "a"), ("X-Forwarded-For", "10.0.0.1"), ("Cookie", "b"), ("User-Agent", "u"));
        var data = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(new string('x', 100)));
        return PeerWire.Encoded(output =>
        {
            PeerRequestEncoder.WriteFirst(output, new PeerRequestFields(metadata) { Method = "m"u8, Verb = HttpVerb.Post }, data, PeerWire.Limit);
            for (ulong seq = 1; seq <= (ulong)laterMessages; seq++)
            {
                PeerPayloadEncoder.Write(output, data, seq, PeerWire.Limit);
            }
        });
    }

    private static void Send(Pipe pipe, ReadOnlySpan<byte> bytes)
    {
        pipe.Writer.Write(bytes);
        Done(pipe.Writer.FlushAsync());
    }

    private static void AssertNoAllocation(Action call)
    {
        for (var i = 0; i < WarmUps; i++)
        {
            call();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Rounds; i++)
        {
            call();
        }

        // Tiered compilation and the test host may allocate a little on this thread; a call that allocates shows thousands of times.
        var perCall = (GC.GetAllocatedBytesForCurrentThread() - before) / (double)Rounds;
        Assert.True(perCall < 1, $"{perCall} bytes per call");
    }

    private static void Done(ValueTask task)
    {
        Assert.True(task.IsCompletedSuccessfully);
        task.GetAwaiter().GetResult();
    }

    private static T Done<T>(ValueTask<T> task)
    {
        Assert.True(task.IsCompletedSuccessfully);
        return task.GetAwaiter().GetResult();
    }

    private ref struct FixedWriter(Span<byte> target)
    {
        private readonly Span<byte> _target = target;

        public int Written { get; private set; }

        public void Add(scoped ReadOnlySpan<byte> bytes)
        {
            bytes.CopyTo(_target[Written..]);
            Written += bytes.Length;
        }
    }

    /// <summary>All bytes at once and the end, again and again.</summary>
    private sealed class RepeatedInput(byte[] bytes) : PipeReader
    {
        private readonly ReadOnlySequence<byte> _all = new(bytes);
        private ReadOnlySequence<byte> _rest;

        public void Rewind() => _rest = _all;

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
            new(new ReadResult(_rest, isCanceled: false, isCompleted: true));

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override void AdvanceTo(SequencePosition consumed) => _rest = _rest.Slice(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);

        public override void CancelPendingRead()
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
