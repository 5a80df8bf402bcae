using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

/// <summary>What proxying costs in managed memory once everything is warm: nothing for a message, and nothing for a unary call.</summary>
[Collection(nameof(ProxyAllocationTests))]
[CollectionDefinition(nameof(ProxyAllocationTests), DisableParallelization = true)]
public sealed class ProxyAllocationTests
{
    private const int Rounds = 2000;

    /// <summary>Room for the odd timer tick and the test runner's own threads, far below one object for each round.</summary>
    private const int AllowedBytes = 8;

    /// <summary>A busy machine moves threads about, and pools kept per core then miss; a leak of ours shows however often it is measured.</summary>
    private const int MostAttempts = 10;

    private static readonly HeaderList Head = ProxyRig.Head(("te", "trailers"), ("dapr-app-id", "b"), ("x-a", "1"));
    private static readonly byte[] Message = ProxyRig.Message(new string('q', 1000));

    [Fact]
    public async Task Messages_OfOneStream_AllocateNothing()
    {
        await using var rig = new ProxyRig(new Echo(), null, PipeScheduler.Inline);
        var call = rig.Open(Head);
        var bytes = await Task.Run(() => MeasureAsync(rounds => PingPongAsync(call, rounds))).Within("messages");
        call.Dispose();
        Assert.True(bytes < AllowedBytes, $"{bytes:F1} bytes for a message there and back");
    }

    [Fact]
    public async Task UnaryCalls_AllocateNothing()
    {
        await using var rig = new ProxyRig(new Echo(), null, PipeScheduler.Inline);
        var bytes = await Task.Run(() => MeasureAsync(rounds => CallAsync(rig, rounds))).Within("calls");
        Assert.True(bytes < AllowedBytes, $"{bytes:F1} bytes for a call");
    }

    private static async Task<double> MeasureAsync(Func<int, Task> run)
    {
        await run(Rounds);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var best = double.MaxValue;
        for (var attempt = 0; attempt < MostAttempts && best >= AllowedBytes; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await run(Rounds);
            best = Math.Min(best, (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)Rounds);
        }

        return best;
    }

    private static async Task PingPongAsync(Http2Stream call, int rounds)
    {
        for (var i = 0; i < rounds; i++)
        {
            call.Output.Write(Message);
            await call.Output.FlushAsync();
            for (var left = Message.Length; left > 0;)
            {
                var read = await call.Input.ReadAsync();
                left -= (int)read.Buffer.Length;
                call.Input.AdvanceTo(read.Buffer.End);
            }
        }
    }

    private static async Task CallAsync(ProxyRig rig, int rounds)
    {
        for (var i = 0; i < rounds; i++)
        {
            var call = rig.Open(Head);
            call.Output.Write(Message);
            call.End(null);
            await call.ReadHeadAsync(default);
            while (true)
            {
                var read = await call.Input.ReadAsync();
                call.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            if (call.Trailers.IndexOf("grpc-message"u8) != 1)
            {
                throw new InvalidOperationException("the call has failed");
            }

            call.Dispose();
        }
    }

    /// <summary>Answers with what came, without a state machine for each stream: an object of its own waits for it, and is used again.</summary>
    private sealed class Echo : IHttp2StreamHandler
    {
        private static readonly HeaderList Answer = ProxyRig.List((":status", "200"), ("content-type", "application/grpc"));
        private static readonly HeaderList Trailers = ProxyRig.List(("grpc-status", "0"));

        private readonly Stack<Flow> _flows = new();

        public void OnStream(Http2Stream stream)
        {
            if (!_flows.TryPop(out var flow))
            {
                flow = new Flow(_flows);
            }

            flow.Run(stream);
        }

        private sealed class Flow(Stack<Flow> pool)
        {
            private Http2Stream _stream = null!;
            private System.Runtime.CompilerServices.ValueTaskAwaiter<ReadResult> _reading;
            private Action? _onRead;

            public void Run(Http2Stream stream)
            {
                _stream = stream;
                stream.WriteHead(Answer, endStream: false);
                Continue();
            }

            private void Continue()
            {
                while (true)
                {
                    _reading = _stream.Input.ReadAsync().GetAwaiter();
                    if (!_reading.IsCompleted)
                    {
                        _reading.UnsafeOnCompleted(_onRead ??= OnRead);
                        return;
                    }

                    if (Take())
                    {
                        return;
                    }
                }
            }

            private void OnRead()
            {
                if (!Take())
                {
                    Continue();
                }
            }

            private bool Take()
            {
                ReadResult read;
                try
                {
                    read = _reading.GetResult();
                }
                catch (IOException)
                {
                    _stream.Dispose();
                    return true;
                }

                foreach (var memory in read.Buffer)
                {
                    _stream.Output.Write(memory.Span);
                }

                _stream.Input.AdvanceTo(read.Buffer.End);
                if (!read.IsCompleted)
                {
                    _stream.Flush();
                    return false;
                }

                _stream.End(Trailers);
                _stream.Dispose();
                pool.Push(this);
                return true;
            }
        }
    }
}
