using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Transport.Async;

namespace FastSidecar.Targets.Apps;

/// <summary>The response body of an app that speaks HTTP/2: what breaks off is an error in Go's words.</summary>
/// <param name="address">host:port of the app.</param>
internal sealed class H2cBody(string address) : PipeReader
{
    private PipeReader _inner = null!;
    private int _streamId;

    public void Start(PipeReader inner, int streamId)
    {
        _inner = inner;
        _streamId = streamId;
    }

    public override bool TryRead(out ReadResult result)
    {
        try
        {
            return _inner.TryRead(out result);
        }
        catch (IOException e)
        {
            throw Broken(e);
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var reading = _inner.ReadAsync(cancellationToken);
        return reading.IsCompletedSuccessfully ? reading : AwaitAsync(reading);
    }

    public override void AdvanceTo(SequencePosition consumed) => _inner.AdvanceTo(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _inner.AdvanceTo(consumed, examined);

    public override void CancelPendingRead() => _inner.CancelPendingRead();

    /// <summary>The call that owns the stream ends it.</summary>
    public override void Complete(Exception? exception = null)
    {
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<ReadResult> AwaitAsync(ValueTask<ReadResult> reading)
    {
        try
        {
            return await reading;
        }
        catch (IOException e)
        {
            throw Broken(e);
        }
    }

    private InvokeBodyException Broken(IOException cause) =>
        new(new InvokeError(ErrorSide.App, null, H2cFailure.Of(cause, address, _streamId)), cause);
}
