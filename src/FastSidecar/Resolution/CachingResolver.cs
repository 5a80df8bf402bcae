using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Resolution;

/// <summary>
/// Gives each attempt its address. A known target costs a dictionary look-up and no allocation: addresses go round in turn, are looked up again in the
/// background while they are served, and follow sightings of an <see cref="IAddressFeed"/> at once. Concurrent callers of an unknown target share one
/// look-up.
///
/// A failed look-up is not remembered: the next caller asks again. Bounds are in <see cref="CachingOptions"/>. The inner resolver belongs to who made it.
/// </summary>
internal sealed partial class CachingResolver : IAsyncDisposable
{
    private readonly INameResolver _inner;
    private readonly IAddressFeed? _feed;
    private readonly CachingOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<Key, CacheEntry> _entries = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private Task _heartbeat = Task.CompletedTask;
    private int _beat;

    public CachingResolver(INameResolver inner, CachingOptions options, TimeProvider time, ILogger log)
    {
        _inner = inner;
        _feed = inner as IAddressFeed;
        _options = options;
        _time = time;
        _log = log;
        _stopping = _stop.Token;
        if (_feed is not null)
        {
            _feed.Sighted += OnSighted;
        }
    }

    /// <summary>Targets with known addresses, and look-ups under way.</summary>
    public int Count => _entries.Count;

    /// <summary>Heartbeats so far.</summary>
    public int Beats => Volatile.Read(ref _beat);

    /// <summary>Starts the background refresh. Without it addresses neither expire nor refresh.</summary>
    public void Start() => _heartbeat = HeartbeatAsync();

    /// <summary>
    /// The address for the next attempt of a request that has tried <paramref name="tried"/>; synchronous and without I/O when the target is known.
    /// Otherwise waits for the inner resolver, at most as long as that one documents. Throws <see cref="OperationCanceledException"/> for
    /// <paramref name="cancellationToken"/>, which ends the wait and not the look-up.
    /// </summary>
    public ValueTask<ResolvedAddress> ResolveAsync(ResolveRequest request, in TriedAddresses tried, CancellationToken cancellationToken)
    {
        if (_entries.TryGetValue(KeyOf(request.Id, request.Namespace), out var entry) && entry.Pick(tried, _beat) is { } address)
        {
            if (entry.IsDegraded)
            {
                Refresh(entry, _options.SuspectHold);
            }

            _feed?.NoteCacheHit(address);
            return new ValueTask<ResolvedAddress>(ResolvedAddress.At(address));
        }

        return ResolveAwaitedAsync(request, tried, cancellationToken);
    }

    /// <summary>
    /// No connection to <paramref name="address"/> could be opened: it is served only as a last resort until it is seen again, and the target is looked
    /// up again now. Not to be called for errors that came over an established connection.
    /// </summary>
    public void Evict(string id, string @namespace, string address)
    {
        if (_entries.TryGetValue(KeyOf(id, @namespace), out var entry) && entry.Suspect(address))
        {
            Refresh(entry, _options.SuspectHold);
        }
    }

    /// <summary>Ends the background refresh and every look-up under way. Look-ups that still wait are answered with an error.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_feed is not null)
        {
            _feed.Sighted -= OnSighted;
        }

        await _stop.CancelAsync();
        await _heartbeat;
        foreach (var entry in _entries.Values)
        {
            await entry.UnderWay;
        }

        _stop.Dispose();
    }

    private async ValueTask<ResolvedAddress> ResolveAwaitedAsync(ResolveRequest request, TriedAddresses tried, CancellationToken cancellationToken)
    {
        var key = KeyOf(request.Id, request.Namespace);
        if (!_entries.TryGetValue(key, out var entry))
        {
            entry = _entries.GetOrAdd(key, new CacheEntry(request, _options, _time));
        }

        var lookup = entry.JoinLookup(out var mine);
        if (mine is not null)
        {
            // Never faults; whoever waits for the look-up observes it.
            _ = LookUpAsync(key, entry, mine, entry.Request);
        }

        var result = await lookup.WaitAsync(cancellationToken);
        return entry.Pick(tried, _beat) is { } address
            ? ResolvedAddress.At(address)
            : ResolvedAddress.Failed(result.Error ?? NotFound(request.Id));
    }

    /// <summary>Runs one look-up to its end and takes the entry out again if it found nothing.</summary>
    private async Task LookUpAsync(Key key, CacheEntry entry, TaskCompletionSource<ResolveResult> mine, ResolveRequest request)
    {
        ResolveResult result;
        try
        {
            result = await _inner.ResolveAsync(request, _stopping);
        }
        catch (OperationCanceledException)
        {
            result = ResolveResult.Failed(NotFound(request.Id));
        }
        catch (Exception error)
        {
            // A resolver that throws is a bug of ours; its callers still get an answer.
            LookupFailed(_log, request.Id, error);
            result = ResolveResult.Failed(NotFound(request.Id));
        }

        entry.Complete(mine, result);
        if (entry.IsEmpty && entry.UnderWay.IsCompleted)
        {
            _entries.TryRemove(KeyValuePair.Create(key, entry));
        }
        else if (!entry.IsEmpty && !request.IsRefresh)
        {
            MakeRoom(entry);
            if (!result.IsComplete)
            {
                // The first answer came from one instance: ask for the others before the next request needs them.
                Refresh(entry, TimeSpan.Zero);
            }
        }
    }

    private void Refresh(CacheEntry entry, TimeSpan leastAge)
    {
        if (!_stopping.IsCancellationRequested && entry.TryBeginRefresh(leastAge) is { } mine)
        {
            // Never faults; DisposeAsync waits for its end.
            _ = LookUpAsync(KeyOf(entry.Request.Id, entry.Request.Namespace), entry, mine, entry.Request with { IsRefresh = true });
        }
    }

    private async Task HeartbeatAsync()
    {
        using var timer = new PeriodicTimer(_options.Heartbeat, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(_stopping))
            {
                Beat();
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private void Beat()
    {
        foreach (var (key, entry) in _entries)
        {
            entry.Expire();
            if (!entry.IsEmpty)
            {
                Refresh(entry, _options.RefreshInterval);
            }
            else if (entry.UnderWay.IsCompleted)
            {
                _entries.TryRemove(KeyValuePair.Create(key, entry));
            }
        }

        Interlocked.Increment(ref _beat);
    }

    /// <summary>
    /// Keeps the number of known targets within its bound after <paramref name="added"/> joined them. A scan, but only once the bound is reached.
    /// </summary>
    private void MakeRoom(CacheEntry added)
    {
        if (_entries.Count <= _options.MaxEntries)
        {
            return;
        }

        var known = 0;
        KeyValuePair<Key, CacheEntry> oldest = default;
        foreach (var pair in _entries)
        {
            if (pair.Value.IsEmpty)
            {
                continue;
            }

            known++;
            if (pair.Value != added && (oldest.Value is null || pair.Value.LastUsedBeat < oldest.Value.LastUsedBeat))
            {
                oldest = pair;
            }
        }

        if (known > _options.MaxEntries && oldest.Value is not null)
        {
            _entries.TryRemove(oldest);
        }
    }

    private void OnSighted(AddressSighting sighting)
    {
        // Feeds know no namespace; a resolver that has both would have to name it in the sighting.
        if (!_entries.TryGetValue(new Key(sighting.AppId, ""), out var entry))
        {
            return;
        }

        if (sighting.IsGoodbye)
        {
            entry.Suspect(sighting.Address);
        }
        else
        {
            entry.Seen(sighting.Address);
        }
    }

    private Key KeyOf(string id, string @namespace) => new(id, _options.KeyIncludesNamespace ? @namespace : "");

    private static string NotFound(string id) => $"couldn't find service: {id}";

    [LoggerMessage(Level = LogLevel.Error, Message = "the name resolver failed while looking up app id {AppId}")]
    private static partial void LookupFailed(ILogger log, string appId, Exception error);

    private readonly record struct Key(string Id, string Namespace)
    {
        /// <summary>Most ids are of one namespace: its hash tells nothing more.</summary>
        public override int GetHashCode() => Id.GetHashCode(StringComparison.Ordinal);
    }
}
