using System.Buffers;
using System.Diagnostics;
using System.IO.Pipelines;

namespace FastSidecar.Api.Grpc;

/// <summary>Bytes of a message as a request's body: all of them are there, and the end too. Reused by its owner.</summary>
internal sealed class MessageBody : PipeReader
{
    private ReadOnlySequence<byte> _rest;

    /// <summary>Begins a body, which stays valid until the next call.</summary>
    public void Start(ReadOnlyMemory<byte> bytes) => _rest = new ReadOnlySequence<byte>(bytes);

    public override bool TryRead(out ReadResult result)
    {
        result = new ReadResult(_rest, isCanceled: false, isCompleted: true);
        return true;
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(new ReadResult(_rest, isCanceled: false, isCompleted: true));

    public override void AdvanceTo(SequencePosition consumed) => _rest = _rest.Slice(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);

    public override void CancelPendingRead() => Debug.Assert(_rest.Length >= 0, "no read ever waits");

    public override void Complete(Exception? exception = null) => _rest = default;
}
