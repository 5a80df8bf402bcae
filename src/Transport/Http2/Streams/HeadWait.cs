using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>The wait for a response head.</summary>
internal sealed class HeadWait : IValueTaskSource
{
    private static readonly Action<object?> OnCanceled = static wait => ((HeadWait)wait!).Cancel();

    private readonly Http2Stream _stream;
    private readonly Http2Connection _connection;
    private PendingOperation _operation;

    public HeadWait(Http2Stream stream, Http2Connection connection)
    {
        _stream = stream;
        _connection = connection;
    }

    public bool IsOutstanding => _operation.IsOutstanding;

    public ValueTask StartUnsynchronized(CancellationToken cancellationToken)
    {
        _operation.Start(this, OnCanceled, cancellationToken);
        return new ValueTask(this, _operation.Version);
    }

    /// <summary>Under the lock: the head is there, or never will be.</summary>
    public void WakeUnsynchronized()
    {
        if (_operation.TryFinishWaiting())
        {
            _connection.MarkReadyUnsynchronized(_stream, StreamWork.Head);
        }
    }

    /// <summary>Outside of the lock: runs the flow that waits.</summary>
    public void Complete() => _operation.Complete();

    void IValueTaskSource.GetResult(short token)
    {
        _operation.Fetch(token);
        try
        {
            lock (_connection.Gate)
            {
                if (_operation.Release(out var canceledBy))
                {
                    throw new OperationCanceledException(canceledBy);
                }

                if (!_stream.HasHead)
                {
                    _stream.ThrowFailure();
                }
            }
        }
        finally
        {
            _stream.TryRecycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _operation.GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _operation.OnCompleted(continuation, state, token, flags);

    private void Cancel()
    {
        lock (_connection.Gate)
        {
            if (!_operation.TryCancel())
            {
                return;
            }

            _connection.MarkReadyUnsynchronized(_stream, StreamWork.Head);
        }

        _connection.SettleElsewhere();
    }
}
