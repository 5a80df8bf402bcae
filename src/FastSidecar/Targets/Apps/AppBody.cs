using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// The app's response body with Dapr's view of its ends: fewer bytes than Content-Length said are a normal end (kept as Dapr does it,
/// docs/compatibility.md), anything else that breaks off is an error.
/// </summary>
internal sealed class AppBody : PipeReader
{
    private PipeReader _inner = null!;
    private bool _cutShort;

    /// <summary>A read that <see cref="SettleAsync"/> began; the next read takes it over.</summary>
    private Task<ReadResult>? _early;

    public void Start(PipeReader inner)
    {
        _inner = inner;
        _cutShort = false;
    }

    /// <summary>A read that is still waiting then ends with the connection.</summary>
    public void Finish()
    {
        _inner = null!;
        _early = null;
    }

    /// <summary>
    /// Waits until there is a byte of the body or its end, but no longer than <paramref name="patience"/>. Nothing is consumed. Once,
    /// before any read.
    /// </summary>
    public async ValueTask SettleAsync(TimeSpan patience, TimeProvider time, CancellationToken cancellationToken)
    {
        var early = _inner.ReadAsync(cancellationToken).AsTask();
        _early = early;
        if (!early.IsCompleted)
        {
            using var waiting = new CancellationTokenSource();
            await Task.WhenAny(early, Task.Delay(patience, time, waiting.Token));
            await waiting.CancelAsync();
        }
    }

    public override bool TryRead(out ReadResult result)
    {
        try
        {
            if (_early is not { } early)
            {
                return _inner.TryRead(out result);
            }

            result = default;
            if (!early.IsCompleted)
            {
                return false;
            }

            _early = null;
            result = early.GetAwaiter().GetResult();
            return true;
        }
        catch (Http1ResponseException e)
        {
            result = Ended(e);
            return true;
        }
    }

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        if (_early is { } early)
        {
            _early = null;
            return AwaitAsync(new ValueTask<ReadResult>(early.WaitAsync(cancellationToken)));
        }

        try
        {
            var reading = _inner.ReadAsync(cancellationToken);
            return reading.IsCompletedSuccessfully ? reading : AwaitAsync(reading);
        }
        catch (Http1ResponseException e)
        {
            // An end that is there already comes at once, not with the task.
            return ValueTask.FromResult(Ended(e));
        }
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        if (!_cutShort)
        {
            _inner.AdvanceTo(consumed, examined);
        }
    }

    public override void CancelPendingRead() => _inner.CancelPendingRead();

    /// <summary>The call that owns the exchange ends it.</summary>
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
        catch (Http1ResponseException e)
        {
            return Ended(e);
        }
    }

    private ReadResult Ended(Http1ResponseException exception)
    {
        if (exception.Fault != Http1ResponseFault.ClosedInBody)
        {
            throw new InvokeBodyException(new InvokeError(ErrorSide.App, null, exception.Message), exception);
        }

        _cutShort = true;
        return new ReadResult(default, isCanceled: false, isCompleted: true);
    }
}
