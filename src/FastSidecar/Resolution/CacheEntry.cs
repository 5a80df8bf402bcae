using System.Diagnostics;

namespace FastSidecar.Resolution;

/// <summary>
/// The known addresses of one target. Reading is lock-free over an immutable array; every change happens under <see cref="_lock"/> and swaps that array.
///
/// An address is live or suspect. Suspect ones (refused, or left with a goodbye) are served only while no live one is known: to a caller a dead only
/// instance then looks as it does with Dapr (connection refused, retried), and one that comes back at its old address is reached at once.
/// </summary>
internal sealed class CacheEntry
{
    private readonly Lock _lock = new();
    private readonly List<KnownAddress> _known = [];
    private readonly CachingOptions _options;
    private readonly TimeProvider _time;
    private volatile string[] _serving = [];
    private volatile bool _isDegraded;
    private uint _next;
    private TaskCompletionSource<ResolveResult>? _lookup;
    private TaskCompletionSource<ResolveResult>? _refresh;
    private long _askedLast;
    private int _lastUsedBeat;

    public CacheEntry(ResolveRequest request, CachingOptions options, TimeProvider time)
    {
        Request = request with { IsRefresh = false };
        _options = options;
        _time = time;
    }

    public ResolveRequest Request { get; }

    public bool IsEmpty => _serving.Length == 0;

    /// <summary>Only suspect addresses are known.</summary>
    public bool IsDegraded => _isDegraded;

    /// <summary>The heartbeat in which the entry was last used: a clock that costs nothing to read.</summary>
    public int LastUsedBeat => Volatile.Read(ref _lastUsedBeat);

    /// <summary>The look-up and the refresh under way, if any; for those who must outlive them.</summary>
    public Task UnderWay
    {
        get
        {
            lock (_lock)
            {
                return Task.WhenAll(_lookup?.Task ?? Task.CompletedTask, _refresh?.Task ?? Task.CompletedTask);
            }
        }
    }

    /// <summary>The next address in turn, one not in <paramref name="tried"/> if there is any. Null when none is known.</summary>
    public string? Pick(in TriedAddresses tried, int beat)
    {
        var serving = _serving;
        if (serving.Length == 0)
        {
            return null;
        }

        if (_lastUsedBeat != beat)
        {
            Volatile.Write(ref _lastUsedBeat, beat);
        }

        var start = Interlocked.Increment(ref _next) - 1;
        var first = serving[start % (uint)serving.Length];
        if (tried.IsEmpty || serving.Length == 1)
        {
            return first;
        }

        for (uint i = 0; i < serving.Length; i++)
        {
            var address = serving[(start + i) % (uint)serving.Length];
            if (!tried.Contains(address))
            {
                return address;
            }
        }

        return first;
    }

    /// <summary>
    /// The look-up to wait for. <paramref name="mine"/> is set when the caller has to run it: it must then call <see cref="Complete"/>. Continuations
    /// never run inside Complete. Never a refresh: that may take longer than a caller without any address should wait.
    /// </summary>
    public Task<ResolveResult> JoinLookup(out TaskCompletionSource<ResolveResult>? mine)
    {
        lock (_lock)
        {
            mine = null;
            if (_lookup is null)
            {
                mine = _lookup = new TaskCompletionSource<ResolveResult>(TaskCreationOptions.RunContinuationsAsynchronously);
                _askedLast = _time.GetTimestamp();
            }

            return _lookup.Task;
        }
    }

    /// <summary>
    /// Begins a refresh, unless somebody is asking already or did so less than <paramref name="leastAge"/> ago; null then. To be ended by
    /// <see cref="Complete"/>.
    /// </summary>
    public TaskCompletionSource<ResolveResult>? TryBeginRefresh(TimeSpan leastAge)
    {
        lock (_lock)
        {
            if (_lookup is not null || _refresh is not null || _time.GetElapsedTime(_askedLast) < leastAge)
            {
                return null;
            }

            _askedLast = _time.GetTimestamp();
            return _refresh = new TaskCompletionSource<ResolveResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Takes the result in and lets everybody who waits for it go on.</summary>
    public void Complete(TaskCompletionSource<ResolveResult> mine, ResolveResult result)
    {
        lock (_lock)
        {
            Debug.Assert(_lookup == mine || _refresh == mine, "only what is under way can be completed");
            if (_lookup == mine)
            {
                _lookup = null;
            }
            else
            {
                _refresh = null;
            }

            MergeUnsynchronized(result);
        }

        mine.SetResult(result);
    }

    /// <summary>A sidecar is at <paramref name="address"/>.</summary>
    public void Seen(string address)
    {
        lock (_lock)
        {
            SeenUnsynchronized(address, _time.GetTimestamp());
            PublishUnsynchronized();
        }
    }

    /// <summary><paramref name="address"/> refused a connection or said goodbye. False when it was not known.</summary>
    public bool Suspect(string address)
    {
        lock (_lock)
        {
            var index = IndexOfUnsynchronized(address);
            if (index < 0)
            {
                return false;
            }

            _known[index] = _known[index] with { IsSuspect = true, SuspectSince = _time.GetTimestamp() };
            PublishUnsynchronized();
            return true;
        }
    }

    /// <summary>Forgets what was not seen for longer than its lifetime.</summary>
    public void Expire()
    {
        lock (_lock)
        {
            for (var i = _known.Count - 1; i >= 0; i--)
            {
                if (_time.GetElapsedTime(_known[i].LastSeen) > _options.AddressLifetime)
                {
                    _known.RemoveAt(i);
                }
            }

            PublishUnsynchronized();
        }
    }

    private void MergeUnsynchronized(ResolveResult result)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread);
        if (result.Error is not null)
        {
            return;
        }

        if (result.IsComplete)
        {
            for (var i = _known.Count - 1; i >= 0; i--)
            {
                if (Array.IndexOf(result.Addresses, _known[i].Address) < 0)
                {
                    _known.RemoveAt(i);
                }
            }
        }

        var now = _time.GetTimestamp();
        foreach (var address in result.Addresses)
        {
            SeenUnsynchronized(address, now);
        }

        PublishUnsynchronized();
    }

    private void SeenUnsynchronized(string address, long now)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread);
        var index = IndexOfUnsynchronized(address);
        if (index < 0)
        {
            if (_known.Count < _options.MaxAddresses)
            {
                _known.Add(new KnownAddress(address, now, IsSuspect: false, SuspectSince: 0));
            }

            return;
        }

        var known = _known[index];
        var staysSuspect = known.IsSuspect && _time.GetElapsedTime(known.SuspectSince, now) < _options.SuspectHold;

        // A suspect address does not live longer for answers that may be older than the reason to suspect it.
        _known[index] = staysSuspect ? known : known with { LastSeen = now, IsSuspect = false };
    }

    private int IndexOfUnsynchronized(string address)
    {
        for (var i = 0; i < _known.Count; i++)
        {
            if (_known[i].Address == address)
            {
                return i;
            }
        }

        return -1;
    }

    /// <summary>Swaps the array that <see cref="Pick"/> reads, if what it should hold has changed; most sightings change nothing.</summary>
    private void PublishUnsynchronized()
    {
        Debug.Assert(_lock.IsHeldByCurrentThread);
        var live = 0;
        foreach (var known in _known)
        {
            live += known.IsSuspect ? 0 : 1;
        }

        var servesSuspects = live == 0;
        _isDegraded = servesSuspects && _known.Count > 0;
        if (!IsServingUnsynchronized(servesSuspects))
        {
            // ConvertAll, not Select: the native compiler makes every LINQ iterator anew for a struct like this one.
            _serving = [.. _known.FindAll(known => known.IsSuspect == servesSuspects).ConvertAll(static known => known.Address)];
        }
    }

    private bool IsServingUnsynchronized(bool suspects)
    {
        Debug.Assert(_lock.IsHeldByCurrentThread);
        var serving = _serving;
        var count = 0;
        foreach (var known in _known)
        {
            if (known.IsSuspect == suspects && (count == serving.Length || serving[count++] != known.Address))
            {
                return false;
            }
        }

        return count == serving.Length;
    }

    private readonly record struct KnownAddress(string Address, long LastSeen, bool IsSuspect, long SuspectSince);
}
