using System.IO.Pipelines;
using System.Threading.Tasks.Sources;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// The reading side of a connection. A read can be started while nobody waits for it, to learn of a FIN or of stray bytes on an idle connection, and
/// becomes the response's first read when the connection is used again: watching costs no system call of its own.
/// </summary>
/// <remarks>One flow reads. The watch's completion comes from the socket's thread; <c>_gate</c> orders it against that flow.</remarks>
internal sealed class WatchedReader : IValueTaskSource<ReadResult>
{
    private readonly PipeReader _input;
    private readonly Action _onNews;
    private readonly Action _onCompleted;
    private readonly Lock _gate = new();

    private ManualResetValueTaskSourceCore<bool> _waiter;
    private ValueTask<ReadResult> _read;
    private CancellationTokenRegistration _registration;
    private CancellationToken _token;
    private bool _tokenCanceled;
    private volatile State _state;

    /// <param name="input">What is read.</param>
    /// <param name="onNews">Called, on the thread that completed the read, when a watch ended before a reader took it over.</param>
    public WatchedReader(PipeReader input, Action onNews)
    {
        _input = input;
        _onNews = onNews;
        _onCompleted = OnCompleted;
    }

    private enum State
    {
        /// <summary>No read of ours is under way.</summary>
        None,

        /// <summary>One is under way and nobody waits for it.</summary>
        Watching,

        /// <summary>One is under way and the reading flow waits.</summary>
        Waiting,

        /// <summary>One has ended and its result was not taken.</summary>
        News,
    }

    /// <summary>A watch has ended: the server closed, reset or sent something.</summary>
    public bool HasNews => _state == State.News;

    /// <summary>Starts a read nobody waits for. False when it has ended at once.</summary>
    public bool TryWatch()
    {
        if (_state == State.None)
        {
#pragma warning disable CA2012 // Kept until its one consumer comes: TakeRead empties the field.
            try
            {
                _read = _input.ReadAsync(CancellationToken.None);
            }
            catch (IOException e)
            {
                _read = ValueTask.FromException<ReadResult>(e);
            }
#pragma warning restore CA2012
            if (_read.IsCompleted)
            {
                _state = State.News;
                return false;
            }

            _state = State.Watching;
            _read.GetAwaiter().UnsafeOnCompleted(_onCompleted);
        }

        return !HasNews;
    }

    public bool TryRead(out ReadResult result)
    {
        switch (_state)
        {
            case State.None:
                return _input.TryRead(out result);
            case State.News:
                _state = State.None;
                result = TakeRead();
                return true;
            default:
                result = default;
                return false;
        }
    }

    public ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken)
    {
        if (_state == State.None)
        {
            return _input.ReadAsync(cancellationToken);
        }

        if (TryTakeOver(cancellationToken, out var version))
        {
            return new ValueTask<ReadResult>(this, version);
        }

        if (_state == State.Waiting)
        {
            throw new InvalidOperationException("one read at a time");
        }

        _state = State.None;
        return ValueTask.FromResult(TakeRead());
    }

    /// <summary>
    /// The watch that is under way becomes a read, and this object is the source of its result under that <paramref name="version"/>. False when
    /// no watch is under way: <see cref="ReadAsync"/> is to be called.
    /// </summary>
    public bool TryTakeOver(CancellationToken cancellationToken, out short version)
    {
        version = 0;
        cancellationToken.ThrowIfCancellationRequested();
        lock (_gate)
        {
            if (_state != State.Watching)
            {
                return false;
            }

            _waiter.Reset();
            version = _waiter.Version;
            _state = State.Waiting;
        }

        if (cancellationToken.CanBeCanceled)
        {
            _token = cancellationToken;
            _registration = cancellationToken.UnsafeRegister(static state => ((WatchedReader)state!).OnTokenCanceled(), this);
        }

        return true;
    }

    public void AdvanceTo(SequencePosition consumed, SequencePosition examined) => _input.AdvanceTo(consumed, examined);

    public void CancelPendingRead() => _input.CancelPendingRead();

    public void Complete() => _input.Complete();

    public ReadResult GetResult(short token)
    {
        _waiter.GetResult(token);
        _registration.Dispose();
        _registration = default;
        if (_tokenCanceled)
        {
            _tokenCanceled = false;
            throw new OperationCanceledException(_token);
        }

        return TakeRead();
    }

    public ValueTaskSourceStatus GetStatus(short token) => _waiter.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _waiter.OnCompleted(continuation, state, token, flags);

    private ReadResult TakeRead()
    {
        var read = _read;
        _read = default;
        return read.GetAwaiter().GetResult();
    }

    private void OnCompleted()
    {
        bool waited;
        lock (_gate)
        {
            waited = _state == State.Waiting;
            _state = waited ? State.None : State.News;
        }

        if (waited)
        {
            _waiter.SetResult(true);
        }
        else
        {
            _onNews();
        }
    }

    private void OnTokenCanceled()
    {
        lock (_gate)
        {
            if (_state != State.Waiting)
            {
                return;
            }

            _state = State.Watching;
            _tokenCanceled = true;
        }

        _waiter.SetResult(true);
    }
}
