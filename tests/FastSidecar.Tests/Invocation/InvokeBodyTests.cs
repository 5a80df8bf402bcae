using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>The request body's states: what an attempt may have done with it when the next one starts, and who stops whom.</summary>
public sealed class InvokeBodyTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(200);

    private readonly Pipe _pipe = new(new PipeOptions(readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline));
    private readonly FakeTimeProvider _time = new();
    private readonly InvokeBody _body = new();

    [Fact]
    public async Task AttemptFailsBetweenReadAndAdvance_NextAttemptGetsTheWholeBody()
    {
        Start("hello", ended: true);
        var first = await ReadAsync();
        Assert.True(first.IsCompleted);

        // No AdvanceTo: sending failed.
        Assert.True(_body.CanRepeat);
        _body.Rewind();

        Assert.Equal("hello", await ReadToEndAsync());
    }

    [Fact]
    public async Task AttemptFailsInTheMiddle_NextAttemptGetsKeptAndRest()
    {
        Start("hello", ended: false);
        var first = await ReadAsync();
        _body.AdvanceTo(first.Buffer.End);
        await WriteAsync(" world");
        _ = await ReadAsync();

        _body.Rewind();
        await _pipe.Writer.CompleteAsync();

        Assert.Equal("hello world", await ReadToEndAsync());
    }

    [Fact]
    public async Task RepeatFailsBeforeAdvance_ThirdAttemptGetsTheWholeBody()
    {
        Start("hello", ended: true);
        Assert.Equal("hello", await ReadToEndAsync());
        _body.Rewind();
        _ = await ReadAsync();
        _body.Rewind();

        Assert.Equal("hello", await ReadToEndAsync());
    }

    /// <summary>What is kept begins in a small block, and moves to larger memory as the body turns out to be longer.</summary>
    [Fact]
    public async Task BodyOfUnknownLengthInManyPieces_IsKeptWhole()
    {
        var pieces = Enumerable.Range(0, 60).Select(static piece => new string((char)('a' + (piece % 26)), 1 + (piece * 31))).ToArray();
        Start(pieces[0], ended: false, keepAtMost: 64 * 1024);
        foreach (var piece in pieces[1..])
        {
            var read = await ReadAsync();
            _body.AdvanceTo(read.Buffer.End);
            await WriteAsync(piece);
        }

        await _pipe.Writer.CompleteAsync();
        await ReadToEndAsync();
        for (var attempt = 0; attempt < 2; attempt++)
        {
            Assert.True(_body.CanRepeat);
            _body.Rewind();
            Assert.Equal(string.Concat(pieces), await ReadToEndAsync());
        }

        _body.Finish();
    }

    [Theory]
    [InlineData(5, true)]
    [InlineData(4, false)]
    [InlineData(0, false)]
    public async Task MoreLeftThanIsKept_CannotRepeat(int keepAtMost, bool canRepeat)
    {
        Start("hello", ended: true, keepAtMost: keepAtMost);
        Assert.True(_body.CanRepeat);
        await ReadToEndAsync();

        Assert.Equal(canRepeat, _body.CanRepeat);
    }

    /// <summary>A small buffer stays from request to request, a large one does not; what is repeated is the request's own.</summary>
    [Fact]
    public async Task BodiesOfChangingSizes_EachIsRepeatedAsItCame()
    {
        foreach (var size in (int[])[10, 2048, 3, 3000, 0, 5, 60_000, 7])
        {
            var text = new string((char)('a' + (size % 20)), size);
            var pipe = new Pipe();
            await pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(text));
            await pipe.Writer.CompleteAsync();
            _body.Start(pipe.Reader, size, BodyKind.Bytes, limitBytes: 0, keepAtMost: 64 << 10);
            Assert.Equal(text, size == 0 ? "" : await ReadToEndAsync());
            Assert.True(_body.CanRepeat);
            _body.Rewind();
            Assert.Equal(text, await ReadToEndAsync());
            _body.Finish();
        }
    }

    [Fact]
    public async Task StoppedBeforeTheRead_ReadReturnsAtOnce()
    {
        Start("", ended: false);
        _body.Stop();

        Assert.True((await ReadAsync()).IsCanceled);
        Assert.True(_body.TryRead(out var read) && read.IsCanceled);
    }

    [Fact]
    public async Task StoppedWhileReading_ReadReturnsCanceled()
    {
        Start("", ended: false);
        var reading = _body.ReadAsync(CancellationToken.None).AsTask();
        _body.Stop();

        Assert.True((await reading.Within("the stopped read")).IsCanceled);
    }

    [Fact]
    public async Task StoppedThenRewound_ReadsOn()
    {
        Start("hello", ended: true);
        _body.Stop();
        Assert.True((await ReadAsync()).IsCanceled);
        _body.GiveBack();
        _body.Rewind();

        Assert.Equal("hello", await ReadToEndAsync());
    }

    [Fact]
    public async Task StoppedWithoutARead_SourceIsLeftAlone()
    {
        Start("hello", ended: true);
        _body.Stop();
        _body.Finish();

        var draining = await _pipe.Reader.ReadAsync();
        Assert.False(draining.IsCanceled);
        Assert.Equal(5, draining.Buffer.Length);
    }

    [Fact]
    public async Task CancellationForAnEarlierRead_IsNotSeen()
    {
        Start("", ended: false);
        _pipe.Reader.CancelPendingRead();
        Assert.False(_body.TryRead(out _));

        _pipe.Reader.CancelPendingRead();
        var reading = _body.ReadAsync(CancellationToken.None).AsTask();
        await WriteAsync("x");

        Assert.Equal("x", Text(await reading.Within("the read behind the cancelled one")));
    }

    [Fact]
    public async Task FinishedInTheMiddleOfARead_SourceCanBeReadOn()
    {
        Start("hello", ended: true);
        _ = await ReadAsync();
        _body.Finish();

        Assert.Equal("hello", Text(await _pipe.Reader.ReadAsync()));
    }

    [Fact]
    public async Task FirstByteComesInTime_IsNotEmptyAndNotLost()
    {
        Start("", ended: false);
        var empty = _body.IsEmptyAsync(Patience, _time, CancellationToken.None).AsTask();
        await WriteAsync("x");
        await _pipe.Writer.CompleteAsync();

        Assert.False(await empty.Within("the probe"));
        Assert.Equal("x", await ReadToEndAsync());
    }

    [Fact]
    public async Task EndComesInTime_IsEmpty()
    {
        Start("", ended: false);
        var empty = _body.IsEmptyAsync(Patience, _time, CancellationToken.None).AsTask();
        await _pipe.Writer.CompleteAsync();

        Assert.True(await empty.Within("the probe"));
        Assert.Equal("", await ReadToEndAsync());
    }

    [Fact]
    public async Task PatienceEnds_TheWaitingReadBecomesTheNextOne()
    {
        await ImpatientProbeAsync();
        Assert.False(_body.TryRead(out _));
        var reading = _body.ReadAsync(CancellationToken.None).AsTask();
        await WriteAsync("late");

        Assert.Equal("late", Text(await reading.Within("the read after the probe")));
    }

    [Fact]
    public async Task PatienceEnds_WhatComesLaterIsThereWithoutWaiting()
    {
        // Away from xunit's context, to which the end of the early read would be posted and so come some time later.
        await Task.Run(async () =>
        {
            await ImpatientProbeAsync();
            await WriteAsync("late");

            Assert.True(_body.TryRead(out var read));
            Assert.Equal("late", Text(read));
        });
    }

    [Fact]
    public async Task PatienceEndsAndNobodyReads_StopTakesTheReadBack()
    {
        await ImpatientProbeAsync();
        Assert.True(_body.HasEarlyRead);
        await _body.StopAsync().AsTask().Within("the stop");
        Assert.False(_body.HasEarlyRead);
        _body.Finish();

        await WriteAsync("x");
        Assert.Equal("x", Text(await _pipe.Reader.ReadAsync()));
    }

    [Fact]
    public async Task OneByteOverTheLimit_Throws()
    {
        Start("hello", ended: true, limitBytes: 4);
        var thrown = await Assert.ThrowsAsync<InvokeBodyException>(ReadAsync);
        Assert.Same(ErrorTable.BodyTooLarge, thrown.Error);
    }

    [Fact]
    public async Task LimitIsOverTheWholeBody_RepeatsDoNotCount()
    {
        Start("hello", ended: true, limitBytes: 5);
        for (var attempt = 0; attempt < 3; attempt++)
        {
            Assert.Equal("hello", await ReadToEndAsync());
            _body.Rewind();
        }
    }

    [Fact]
    public void AnnouncedOverTheLimit_ThrowsBeforeAByteIsRead()
    {
        _body.Start(_pipe.Reader, 5, BodyKind.Bytes, limitBytes: 4, keepAtMost: 0);
        Assert.Throws<InvokeBodyException>(() => _body.TryRead(out _));
    }

    [Fact]
    public async Task SourceFails_IsBrokenUntilTheNextRequest()
    {
        Start("", ended: false);
        await _pipe.Writer.CompleteAsync(new IOException("gone"));
        await Assert.ThrowsAsync<IOException>(ReadAsync);
        Assert.True(_body.IsBroken);

        _body.Finish();
        Assert.False(_body.IsBroken);
        Assert.Equal(0, _body.ReadBytes);
    }

    private void Start(string text, bool ended, int keepAtMost = 64, long limitBytes = 0)
    {
        _pipe.Writer.Write(Encoding.ASCII.GetBytes(text));
        _ = _pipe.Writer.FlushAsync().AsTask();
        if (ended)
        {
            _pipe.Writer.Complete();
        }

        _body.Start(_pipe.Reader, null, BodyKind.Bytes, limitBytes, keepAtMost);
    }

    private async Task ImpatientProbeAsync()
    {
        Start("", ended: false);
        var empty = _body.IsEmptyAsync(Patience, _time, CancellationToken.None).AsTask();
        await _time.WaitForTimersAsync(1);
        _time.Advance(Patience);
        Assert.False(await empty.Within("the probe"));
        Assert.Equal(0, _time.TimerCount);
    }

    private async Task WriteAsync(string text) => await _pipe.Writer.WriteAsync(Encoding.ASCII.GetBytes(text));

    private Task<ReadResult> ReadAsync() => _body.ReadAsync(CancellationToken.None).AsTask().Within("a read");

    private async Task<string> ReadToEndAsync()
    {
        var text = new StringBuilder();
        while (true)
        {
            var read = await ReadAsync();
            text.Append(Text(read));
            _body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return text.ToString();
            }
        }
    }

    private static string Text(ReadResult read) => Encoding.ASCII.GetString(read.Buffer.ToArray());
}
