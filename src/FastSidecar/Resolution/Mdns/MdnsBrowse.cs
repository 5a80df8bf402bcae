namespace FastSidecar.Resolution.Mdns;

/// <summary>One question under way and the answers so far.</summary>
internal sealed class MdnsBrowse(bool isRefresh)
{
    /// <summary>Most answers kept; further instances are still seen by the cache.</summary>
    private const int MaxAddresses = 256;

    private readonly Lock _lock = new();
    private readonly List<string> _addresses = [];
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ResolveResult> _result = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsRefresh { get; } = isRefresh;

    public Task<ResolveResult> Result => _result.Task;

    public string[] Addresses
    {
        get
        {
            lock (_lock)
            {
                return [.. _addresses];
            }
        }
    }

    /// <summary>False for an address that has answered before.</summary>
    public bool Add(string address)
    {
        lock (_lock)
        {
            if (_addresses.Count == MaxAddresses || _addresses.Contains(address))
            {
                return false;
            }

            _addresses.Add(address);
        }

        if (!IsRefresh)
        {
            _first.TrySetResult();
        }

        return true;
    }

    /// <summary>Waits for the first answer, or only for time to pass when all answers are wanted. True when there is nothing more to wait for.</summary>
    public async ValueTask<bool> EndsWithinAsync(TimeSpan wait, TimeProvider time, CancellationToken cancellationToken)
    {
        await _first.Task.WaitAsync(wait, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
        return _first.Task.IsCompleted;
    }

    public void Complete(ResolveResult result) => _result.SetResult(result);
}
