using System.Buffers;
using System.IO.Pipelines;
using Xunit;

namespace FastSidecar.Tests.Protocol;

/// <summary>
/// A stream's bytes that come in pieces of chosen sizes, each a segment of its own, and only once everything before was examined. Fails instead of waiting when
/// a reader wants more without consuming a window's worth, or reads without having advanced.
/// </summary>
internal sealed class ScriptedInput(byte[] bytes, Func<int> nextChunk, bool isAsync = false, int window = 65_535) : PipeReader
{
    private readonly List<int> _ends = [];
    private int _consumed;
    private int _shown;
    private bool _examinedAll = true;
    private bool _isReading;
    private ReadOnlySequence<byte> _buffer;

    public bool IsComplete { get; private set; }

    public int Reads { get; private set; }

    public bool CancelNext { get; set; }

    public static ScriptedInput Whole(byte[] bytes) => new(bytes, () => int.MaxValue);

    public static ScriptedInput InSteps(byte[] bytes, int step, bool isAsync = false) => new(bytes, () => step, isAsync);

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (isAsync)
        {
            await Task.Yield();
        }

        return ReadNow();
    }

    public override bool TryRead(out ReadResult result)
    {
        result = ReadNow();
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        Assert.True(_isReading, "advanced without a read");
        _isReading = false;
        var consumedBytes = (int)_buffer.Slice(_buffer.Start, consumed).Length;
        var examinedBytes = (int)_buffer.Slice(_buffer.Start, examined).Length;
        Assert.True(examinedBytes >= consumedBytes, "consumed more than examined");
        _examinedAll = examinedBytes == _buffer.Length;
        _consumed += consumedBytes;
    }

    public override void CancelPendingRead() => CancelNext = true;

    public override void Complete(Exception? exception = null) => IsComplete = true;

    private ReadResult ReadNow()
    {
        Assert.False(_isReading, "read twice without advancing");
        Assert.False(IsComplete, "read after complete");
        Reads++;
        if (_examinedAll && _shown < bytes.Length)
        {
            Assert.True(_shown - _consumed < window, "waits for more than a window holds");
            _shown += Math.Min(nextChunk(), bytes.Length - _shown);
            _ends.Add(_shown);
        }

        _isReading = true;
        _buffer = Build();
        var canceled = CancelNext;
        CancelNext = false;
        return new ReadResult(_buffer, canceled, _shown == bytes.Length);
    }

    private ReadOnlySequence<byte> Build()
    {
        _ends.RemoveAll(end => end <= _consumed);
        Segment? first = null;
        Segment? last = null;
        var start = _consumed;
        foreach (var end in _ends)
        {
            last = new Segment(bytes.AsMemory(start, end - start), last);
            first ??= last;
            start = end;
        }

        return first is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(first, 0, last!, last!.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
