using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

/// <summary>Proxied calls over real HTTP/2 streams: shapes, ends, deadlines, back pressure.</summary>
public sealed class ProxiedCallTests
{
    private static readonly byte[] Ping = ProxyRig.Message("ping");
    private static readonly byte[] Pong = ProxyRig.Message("pong");

    [Fact]
    public async Task Unary_EverythingPasses_AndOnlyThat()
    {
        string[] saw = [];
        await using var rig = new ProxyRig(async stream =>
        {
            saw = Fields(stream);
            Assert.Equal(Ping, await ProxyRig.ReadToEndAsync(stream));
            ProxyRig.Answer(stream, ("x-hdr", "1"), ("x-hdr", "2"));
            await ProxyRig.SendAsync(stream, Pong);
            ProxyRig.End(stream, "0", ("x-trl", "t"));
        });
        var call = rig.Open(("x-a", "1"), ("dapr-caller-app-id", "evil"), ("grpc-accept-encoding", "gzip,br"));
        await SendLastAsync(call, Ping);

        await HeadAsync(call);
        Assert.Equal([":status: 200", "content-type: application/grpc", "x-hdr: 1", "x-hdr: 2"], Fields(call));
        Assert.Equal(Pong, await ProxyRig.ReadToEndAsync(call));
        Assert.Equal("0", ProxyRig.Text(call.Trailers, "grpc-status"));
        Assert.Equal("t", ProxyRig.Text(call.Trailers, "x-trl"));
        Assert.Equal(
            [
                ":method: POST", ":scheme: http", ":path: /user.Svc/M", ":authority: 127.0.0.1:9000", "content-type: application/grpc+proto",
                "user-agent: grpc-go/1.82.1", "te: trailers", "grpc-accept-encoding: gzip", "x-a: 1", "grpc-accept-encoding: gzip,br",
                "traceparent: 00-00000000000000000000000000000000-0000000000000000-00", "grpc-trace-bin: AAAAAAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAgA",
            ],
            saw);
        call.Dispose();
        await IdleAsync(rig);
    }

    [Fact]
    public async Task TrailersOnly_StaysTrailersOnly_WithMessageAndDetails()
    {
        await using var rig = new ProxyRig(async stream =>
        {
            await ProxyRig.ReadToEndAsync(stream);
            stream.WriteHead(
                ProxyRig.List((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "9"), ("grpc-message", "f%E2%82%AC"), ("x-trl", "t")),
                endStream: true);
        });
        var call = rig.Open();
        await SendLastAsync(call, Ping);

        await HeadAsync(call);
        Assert.True(call.EndedWithHeaders);
        Assert.Equal([":status: 200", "content-type: application/grpc", "grpc-status: 9", "grpc-message: f%E2%82%AC", "x-trl: t"], Fields(call));
        call.Dispose();
        await IdleAsync(rig);
    }

    [Fact]
    public async Task HeadAndTrailers_WithoutMessage_BothPass()
    {
        await using var rig = new ProxyRig(async stream =>
        {
            await ProxyRig.ReadToEndAsync(stream);
            ProxyRig.Answer(stream, ("x-hdr", "1"));
            ProxyRig.End(stream);
        });
        var call = rig.Open();
        await SendLastAsync(call, Ping);

        await HeadAsync(call);
        Assert.Equal("1", ProxyRig.Text(call.Headers, "x-hdr"));
        Assert.Empty(await ProxyRig.ReadToEndAsync(call));
        Assert.Equal("0", ProxyRig.Text(call.Trailers, "grpc-status"));
        call.Dispose();
    }

    [Fact]
    public async Task Bidi_HeadFirst_EachMessageAtOnce_HalfCloseBothWays()
    {
        await using var rig = new ProxyRig(async stream =>
        {
            ProxyRig.Answer(stream);
            await stream.Output.FlushAsync();
            Assert.Equal(ProxyRig.Message("a"), await ProxyRig.ReadAsync(stream, 6));
            await ProxyRig.SendAsync(stream, ProxyRig.Message("A"));
            Assert.Equal(ProxyRig.Message("b"), await ProxyRig.ReadAsync(stream, 6));
            await ProxyRig.SendAsync(stream, ProxyRig.Message("B"));
            Assert.Empty(await ProxyRig.ReadToEndAsync(stream));
            await ProxyRig.SendAsync(stream, ProxyRig.Message("C"));
            ProxyRig.End(stream);
        });
        var call = rig.Open();
        call.Flush();
        await HeadAsync(call); // before any message of the request

        await ProxyRig.SendAsync(call, ProxyRig.Message("a"));
        Assert.Equal(ProxyRig.Message("A"), await ProxyRig.ReadAsync(call, 6));
        await ProxyRig.SendAsync(call, ProxyRig.Message("b"));
        Assert.Equal(ProxyRig.Message("B"), await ProxyRig.ReadAsync(call, 6));
        call.End(null);
        Assert.Equal(ProxyRig.Message("C"), await ProxyRig.ReadToEndAsync(call));
        call.Dispose();
        await IdleAsync(rig);
        Assert.Empty(rig.Failures);
    }

    [Fact]
    public async Task EarlyAnswer_ClientIsToldAndStopped_TargetGetsNoError()
    {
        var ended = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(async stream =>
        {
            await ProxyRig.ReadAsync(stream, Ping.Length);
            stream.WriteHead(ProxyRig.List((":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "9"), ("grpc-message", "stop")), endStream: true);
            ended.SetResult(await Record.ExceptionAsync(() => ProxyRig.ReadToEndAsync(stream)));
        });
        var call = rig.Open();
        await ProxyRig.SendAsync(call, Ping);

        await HeadAsync(call);
        Assert.Equal("9", ProxyRig.Text(call.Headers, "grpc-status"));
        var told = Assert.IsType<Http2StreamException>(await ended.Task.Within("the target's end"));
        Assert.Equal(Http2ErrorCode.NoError, told.ErrorCode);
        await IdleAsync(rig);
        call.Dispose();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public async Task ClientCancels_InEachState_TargetIsCancelled(bool halfClosed, bool answering)
    {
        var ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(async stream =>
        {
            await ProxyRig.ReadAsync(stream, Ping.Length);
            if (answering)
            {
                ProxyRig.Answer(stream);
                await ProxyRig.SendAsync(stream, Pong);
            }

            await using var registration = stream.Aborted.Register(ended.SetResult);
            ready.SetResult();
            await ended.Task;
        });
        var call = rig.Open();
        await (halfClosed ? SendLastAsync(call, Ping) : ProxyRig.SendAsync(call, Ping));
        await ready.Task.Within("the target's call");
        if (answering)
        {
            await ProxyRig.ReadAsync(call, Pong.Length);
        }

        call.Reset(Http2ErrorCode.Cancel);
        call.Dispose();

        await ended.Task.Within("the target's cancellation");
        await IdleAsync(rig);
    }

    [Theory]
    [InlineData(Http2ErrorCode.InternalError, "13", "stream terminated by RST_STREAM with error code: INTERNAL_ERROR")]
    [InlineData(Http2ErrorCode.RefusedStream, "14", "stream terminated by RST_STREAM with error code: REFUSED_STREAM")]
    [InlineData(Http2ErrorCode.Cancel, "1", "stream terminated by RST_STREAM with error code: CANCEL")]
    [InlineData(Http2ErrorCode.EnhanceYourCalm, "8", "stream terminated by RST_STREAM with error code: ENHANCE_YOUR_CALM")]
    public async Task TargetResets_BeforeAndAfterAMessage_StatusTells(Http2ErrorCode code, string status, string text)
    {
        var later = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(async stream =>
        {
            await ProxyRig.ReadToEndAsync(stream);
            if (stream.Headers.Contains("x-late"u8))
            {
                ProxyRig.Answer(stream);
                await ProxyRig.SendAsync(stream, Pong);
                await later.Task;
            }

            stream.Reset(code);
        });
        var early = rig.Open();
        await SendLastAsync(early, Ping);
        await HeadAsync(early);
        Assert.Equal((status, text), (ProxyRig.Text(early.Headers, "grpc-status"), ProxyRig.Text(early.Headers, "grpc-message")));
        early.Dispose();

        var late = rig.Open(("x-late", "1"));
        await SendLastAsync(late, Ping);
        await HeadAsync(late);
        Assert.Equal(Pong, await ProxyRig.ReadAsync(late, Pong.Length));
        later.SetResult();
        Assert.Empty(await ProxyRig.ReadToEndAsync(late));
        if (code != Http2ErrorCode.RefusedStream)
        {
            Assert.Equal((status, text), (ProxyRig.Text(late.Trailers, "grpc-status"), ProxyRig.Text(late.Trailers, "grpc-message")));
        }

        late.Dispose();
        await IdleAsync(rig);
    }

    [Fact]
    public async Task BrokenMessage_MidStream_EndsBothSides()
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(async stream =>
        {
            ProxyRig.Answer(stream);
            await stream.Output.FlushAsync();
            Assert.Equal(Ping, await ProxyRig.ReadAsync(stream, Ping.Length));
            await Record.ExceptionAsync(() => ProxyRig.ReadToEndAsync(stream));
            ended.SetResult();
        });
        var call = rig.Open();
        await ProxyRig.SendAsync(call, Ping);
        await HeadAsync(call);
        await SendLastAsync(call, [0, 0, 0, 0, 9, 1]);

        Assert.Empty(await ProxyRig.ReadToEndAsync(call));
        Assert.Equal(("13", "unexpected EOF"), (ProxyRig.Text(call.Trailers, "grpc-status"), ProxyRig.Text(call.Trailers, "grpc-message")));
        await ended.Task.Within("the target's end");
        call.Dispose();
        await IdleAsync(rig);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Deadline_Passes_BothSidesAreReset(bool answering)
    {
        var time = new FakeTimeProvider();
        var ready = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(
            async stream =>
            {
                await ProxyRig.ReadToEndAsync(stream);
                if (answering)
                {
                    ProxyRig.Answer(stream);
                    await ProxyRig.SendAsync(stream, Pong);
                }

                await using var registration = stream.Aborted.Register(ended.SetResult);
                ready.SetResult(ProxyRig.Text(stream.Headers, "grpc-timeout"));
                await ended.Task;
            },
            time);
        var call = rig.Open(("grpc-timeout", "400m"));
        await SendLastAsync(call, Ping);
        Assert.Equal("400000u", await ready.Task.Within("the target's call"));
        if (answering)
        {
            await ProxyRig.ReadAsync(call, Pong.Length);
        }

        time.Advance(TimeSpan.FromMilliseconds(400));

        await ended.Task.Within("the target's reset");
        var told = await Assert.ThrowsAsync<Http2StreamException>(() => answering ? ProxyRig.ReadToEndAsync(call) : HeadAsync(call));
        Assert.Equal(Http2ErrorCode.Cancel, told.ErrorCode);
        call.Dispose();
        await IdleAsync(rig);
    }

    [Fact]
    public async Task ObjectThatHadADeadline_ServesACallWithout()
    {
        var time = new FakeTimeProvider();
        await using var rig = new ProxyRig(
            static async stream =>
            {
                await ProxyRig.ReadToEndAsync(stream);
                ProxyRig.Answer(stream);
                ProxyRig.End(stream);
            },
            time);
        foreach (var metadata in new (string, string)[][] { [("grpc-timeout", "400m")], [] })
        {
            var call = rig.Open(metadata);
            await SendLastAsync(call, Ping);
            await HeadAsync(call);
            Assert.Empty(await ProxyRig.ReadToEndAsync(call));
            Assert.Equal("0", ProxyRig.Text(call.Trailers, "grpc-status"));
            call.Dispose();
            await PooledAsync(rig, 1);
            time.Advance(TimeSpan.FromSeconds(1));
        }
    }

    [Fact]
    public async Task CallWithALargeHead_IsNotKept()
    {
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(async stream =>
        {
            if (!stream.Headers.Contains("x-large"u8))
            {
                await release.Task;
            }

            ProxyRig.Answer(stream);
            ProxyRig.End(stream);
        });
        var small = rig.Open();
        await SendLastAsync(small, Ping);
        var large = rig.Open(("x-large", new string('v', 20_000)));
        await SendLastAsync(large, Ping);
        await HeadAsync(large);
        await ProxyRig.ReadToEndAsync(large);
        large.Dispose();
        release.SetResult();
        await HeadAsync(small);
        await ProxyRig.ReadToEndAsync(small);
        small.Dispose();

        await IdleAsync(rig);
        await PooledAsync(rig, 1);
    }

    /// <summary>
    /// A target that does not read: what the client can send is what the windows and buffers on the way hold, in large messages and in a
    /// trickle of small ones.
    /// </summary>
    [Theory]
    [InlineData(64 * 1024)]
    [InlineData(100)]
    public async Task SlowTarget_BoundsItsClient_AndThenGetsEverything(int messageBytes)
    {
        const int mostHeld = 1 << 20;
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var received = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var rig = new ProxyRig(async stream =>
        {
            await read.Task;
            received.SetResult((await ProxyRig.ReadToEndAsync(stream)).Length);
            ProxyRig.Answer(stream);
            ProxyRig.End(stream);
        });
        var call = rig.Open();
        var message = ProxyRig.Message(new byte[messageBytes]);
        var sent = 0;
        Task<System.IO.Pipelines.FlushResult> sending;
        while ((sending = call.Output.WriteAsync(message).AsTask()).IsCompleted || await HappensSoonAsync(sending))
        {
            sent += message.Length;
            Assert.True(sent < mostHeld, $"{sent} bytes were taken although the target reads nothing");
        }

        read.SetResult();
        await sending.Within("the message that had to wait");
        call.End(null);
        Assert.Equal(sent + message.Length, await received.Task.Within("everything"));
        await HeadAsync(call);
        call.Dispose();
        await IdleAsync(rig);
    }

    [Fact]
    public async Task SlowClient_BoundsItsTarget_AndThenGetsEverything()
    {
        const int mostHeld = 1 << 20;
        var stuck = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = ProxyRig.Message(new byte[1000]);
        await using var rig = new ProxyRig(async stream =>
        {
            await ProxyRig.ReadToEndAsync(stream);
            ProxyRig.Answer(stream);
            var sent = 0;
            Task<System.IO.Pipelines.FlushResult> sending;
            while ((sending = stream.Output.WriteAsync(message).AsTask()).IsCompleted || await HappensSoonAsync(sending))
            {
                sent += message.Length;
                Assert.True(sent < mostHeld, $"{sent} bytes were taken although the client reads nothing");
            }

            stuck.SetResult(sent + message.Length);
            await sending;
            ProxyRig.End(stream);
        });
        var call = rig.Open();
        await SendLastAsync(call, Ping);
        await HeadAsync(call);
        var expected = await stuck.Task.Within("a target that has to wait");

        Assert.Equal(expected, (await ProxyRig.ReadToEndAsync(call)).Length);
        call.Dispose();
        await IdleAsync(rig);
    }

    [Fact]
    public async Task ThousandStreams_AtOnce_EachGetsItsOwn()
    {
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var arrived = 0;
        await using var rig = new ProxyRig(async stream =>
        {
            var request = await ProxyRig.ReadToEndAsync(stream);
            if (Interlocked.Increment(ref arrived) == 1000)
            {
                all.SetResult();
            }

            await all.Task;
            ProxyRig.Answer(stream);
            await ProxyRig.SendAsync(stream, request);
            ProxyRig.End(stream);
        });
        var calls = Enumerable.Range(0, 1000).Select(async i =>
        {
            var call = rig.Open();
            var message = ProxyRig.Message($"call {i}");
            await SendLastAsync(call, message);
            await HeadAsync(call);
            Assert.Equal(message, await ProxyRig.ReadToEndAsync(call));
            Assert.Equal("0", ProxyRig.Text(call.Trailers, "grpc-status"));
            call.Dispose();
        });

        await Task.WhenAll(calls).Within("a thousand calls");
        await IdleAsync(rig);
        Assert.Empty(rig.Failures);
    }

    private static Task HeadAsync(Http2Stream call) => call.ReadHeadAsync(default).AsTask().Within("the answer's head");

    private static async Task SendLastAsync(Http2Stream call, byte[] bytes)
    {
        bytes.CopyTo(call.Output.GetSpan(bytes.Length));
        call.Output.Advance(bytes.Length);
        call.End(null);
        await Task.CompletedTask;
    }

    /// <summary>False when it still waits after a time in which everything that moves has moved.</summary>
    private static async Task<bool> HappensSoonAsync(Task task) => await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(500))) == task;

    private static async Task IdleAsync(ProxyRig rig)
    {
        for (var i = 0; rig.OpenAtTarget + rig.OpenAtFront > 0; i++)
        {
            Assert.True(i < 3000, $"streams stay open: {rig.OpenAtTarget} at the target, {rig.OpenAtFront} at the proxy");
            await Task.Delay(10);
        }
    }

    private static async Task PooledAsync(ProxyRig rig, int calls)
    {
        for (var i = 0; rig.Pooled != calls; i++)
        {
            Assert.True(i < 1000, $"{rig.Pooled} calls wait for reuse, not {calls}");
            await Task.Delay(10);
        }
    }

    private static string[] Fields(Http2Stream stream) => Enumerable.Range(0, stream.Headers.Count)
        .Select(i => $"{System.Text.Encoding.UTF8.GetString(stream.Headers.Name(i))}: {System.Text.Encoding.UTF8.GetString(stream.Headers.Value(i))}")
        .ToArray();
}
