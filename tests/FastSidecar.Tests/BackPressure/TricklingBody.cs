using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.BackPressure;

/// <summary>A body of many small pieces that is never ahead of its reader: whoever looks finds nothing, whoever waits gets the next piece.</summary>
internal sealed class TricklingBody : PipeReader
{
    public const int PieceBytes = 100;
    public const int TotalBytes = 4 << 20;

    /// <summary>More than all windows and buffers on the way hold together.</summary>
    private const int MostHeld = 1 << 20;

    private static readonly byte[] Piece = [.. Enumerable.Repeat((byte)'x', PieceBytes)];

    private int _taken;

    public int Taken => Volatile.Read(ref _taken);

    public override bool TryRead(out ReadResult result)
    {
        result = default;
        return false;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var isLast = Taken + PieceBytes >= TotalBytes;
        return ValueTask.FromResult(new ReadResult(new ReadOnlySequence<byte>(Piece), isCanceled: false, isLast));
    }

    public override void AdvanceTo(SequencePosition consumed) => Interlocked.Add(ref _taken, PieceBytes);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);

    public override void CancelPendingRead()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }

    /// <summary>Nobody reads at the other end: some of the body is taken, and then no more.</summary>
    public async Task StopsEarlyAsync()
    {
        var before = -1;
        for (var i = 0; before != Taken; i++)
        {
            Assert.True(i < 100, $"more and more is taken, {Taken} bytes by now");
            before = Taken;
            await Task.Delay(TimeSpan.FromMilliseconds(300)).Within("a time in which everything that moves has moved");
            Assert.True(Taken <= MostHeld, $"{Taken} bytes were taken although nobody reads them");
        }

        Assert.True(before > 0, "nothing was taken");
    }
}
