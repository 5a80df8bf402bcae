using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// Dapr's default name resolution outside Kubernetes: announces this sidecar and finds others by multicast DNS, wire-compatible with daprd. Keeps no
/// addresses: that is <see cref="CachingResolver"/>'s, which hears every sighting through <see cref="Sighted"/>.
///
/// A look-up of an unknown app id fails with <c>couldn't find service: ID</c> after <see cref="MdnsOptions.FirstAnswerTimeout"/>, always; without any
/// usable interface, or for an id that is no DNS label, at once. It answers with the first sidecar that replies; a refresh collects for
/// <see cref="MdnsOptions.RefreshWindow"/>.
///
/// When announcing is impossible (<see cref="Start"/> returns why) it still browses, as daprd does, and starts to announce as soon as an interface appears.
/// </summary>
internal sealed partial class MdnsResolver : INameResolver, IAddressFeed, IAsyncDisposable
{
    private static readonly TimeSpan NoInterfaceScanInterval = TimeSpan.FromSeconds(2);

    /// <summary>
    /// When a question without an answer is repeated: a packet may be lost. A quarter second leaves the second one time to be answered within Dapr's
    /// second.
    /// </summary>
    private static readonly TimeSpan RepeatAfter = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RefreshRepeatAfter = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SecondAnnouncementAfter = TimeSpan.FromSeconds(1);

    private readonly MdnsOptions _options;
    private readonly IMdnsLink _link;
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly ILogger _log;
    private readonly MdnsBrowser _browser;
    private readonly ConcurrentDictionary<BrowseKey, MdnsBrowse> _browses = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationToken _stopping;
    private volatile MdnsResponder? _responder;
    private MdnsRecords? _records;
    private bool _isRegistrable;
    private bool _isAnnounced;
    private Task _announcing = Task.CompletedTask;
    private Task _scanning = Task.CompletedTask;

    /// <param name="options">Who is announced.</param>
    /// <param name="link">The network; owned by this resolver from here on.</param>
    /// <param name="time">All waits.</param>
    /// <param name="random">The pauses between probes.</param>
    /// <param name="log">Category <c>dapr.contrib</c>, with daprd's field <c>component=nr (mdns/v1)</c>.</param>
    public MdnsResolver(MdnsOptions options, IMdnsLink link, TimeProvider time, Random random, ILogger log)
    {
        _options = options;
        _link = link;
        _time = time;
        _random = random;
        _log = log;
        _stopping = _stop.Token;
        _browser = new MdnsBrowser(new MdnsTexts(), OnSighting);
    }

    public event Action<AddressSighting>? Sighted;

    /// <summary>A resolver on the real network.</summary>
    public static MdnsResolver Create(MdnsOptions options, TimeProvider time, Random random, ILogger log) =>
        new(options, new MdnsLink(options.InterfaceName, time), time, random, log);

    /// <summary>
    /// Opens the sockets, answers questions from here on and announces in the background. Returns at once: null, or the cause for daprd's
    /// <c>[INIT_COMPONENT_FAILURE]</c> line, with which the resolver stays usable. Once.
    /// </summary>
    public string? Start()
    {
        _link.Scan();
        _link.Start(OnPacket);
        _scanning = ScanAsync();
        if (MissingOption() is { } missing)
        {
            return missing;
        }

        if (!TryParseAddress(_options.Address, out var address))
        {
            return RegistrationFailed($"Failed to parse given IP: {_options.Address}");
        }

        if (!MdnsRecords.TryCreate(_options, address, out _records))
        {
            // As daprd: the entry counts as announced although no packet can carry it.
            Log.NotEncodable(_log, _options.AppId);
        }

        _isRegistrable = true;
        if (!_link.IsOpen)
        {
            return RegistrationFailed("No supported interface");
        }

        Announce();
        return null;
    }

    public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken)
    {
        if (!MdnsRecords.TryWriteQuery(request.Id, out var query))
        {
            return new ValueTask<ResolveResult>(ResolveResult.Failed("dns: bad rdata"));
        }

        if (!_link.IsOpen)
        {
            return new ValueTask<ResolveResult>(
                ResolveResult.Failed("failed to initialize resolver after attempting IPv4+IPv6, IPv4-only, and IPv6-only"));
        }

        if (!request.IsRefresh)
        {
            Log.Browsing(_log, request.Id);
        }

        var browse = new MdnsBrowse(request.IsRefresh);
        var current = _browses.GetOrAdd(new BrowseKey(request.Id, request.IsRefresh), browse);
        if (current == browse)
        {
            // Never faults, and ends within its window by completing the result, which DisposeAsync waits for.
            _ = RunAsync(request.Id, browse, query);
        }

        return new ValueTask<ResolveResult>(current.Result.WaitAsync(cancellationToken));
    }

    public void NoteCacheHit(string address) => Log.CacheHit(_log, FamilyOf(address), address);

    /// <summary>Says goodbye, closes the sockets and ends every loop and look-up.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        await _announcing;
        await _scanning;
        foreach (var browse in _browses.Values)
        {
            await browse.Result;
        }

        if (_isAnnounced)
        {
            Log.Stopping(_log, _options.AppId);
        }

        if (_responder is not null)
        {
            // No answer may follow the goodbye.
            _responder = null;
            _link.Multicast(_records!.Goodbye, interfaceIndex: 0);
        }

        await _link.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>One address in the forms Go's net.ParseIP takes, which are fewer than .NET's: no zone, brackets, short or octal forms.</summary>
    internal static bool TryParseAddress(string text, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.Contains(':'))
        {
            return text.AsSpan().IndexOfAny("[]%/") < 0 && IPAddress.TryParse(text, out address!) && address.AddressFamily == AddressFamily.InterNetworkV6;
        }

        return IPAddress.TryParse(text, out address!) && address.ToString() == text;
    }

    private string? MissingOption()
    {
        if (_options.AppId.Length == 0)
        {
            return "name is missing";
        }

        if (_options.Address.Length == 0)
        {
            return "address is missing";
        }

        return _options.Port is > 0 and <= ushort.MaxValue ? null : "port is missing or invalid";
    }

    private string RegistrationFailed(string cause)
    {
        Log.RegistrationFailed(_log, cause);
        return cause;
    }

    private void Announce()
    {
        if (!_isRegistrable)
        {
            return;
        }

        if (!_isAnnounced)
        {
            _isAnnounced = true;
            Log.Announced(_log, _options.AppId, _options.Address, _options.Port);
        }

        if (_records is { } records)
        {
            _responder ??= new MdnsResponder(records);
            _announcing = AnnounceAsync(records);
        }
    }

    /// <summary>
    /// Two probes with random pauses and two announcements a second apart, as zeroconf does. Nobody answers a probe and nothing comes of one.
    /// </summary>
    private async Task AnnounceAsync(MdnsRecords records)
    {
        try
        {
            for (var i = 0; i < 2; i++)
            {
                _link.Multicast(records.Probe, interfaceIndex: 0);
                await Task.Delay(TimeSpan.FromMilliseconds(_random.Next(250)), _time, _stopping);
            }

            _link.Multicast(records.Announcement, interfaceIndex: 0);
            await Task.Delay(SecondAnnouncementAfter, _time, _stopping);
            _link.Multicast(records.Announcement, interfaceIndex: 0);
        }
        catch (OperationCanceledException)
        {
            // Disposed: the goodbye is all that is left to say.
        }
    }

    private async Task ScanAsync()
    {
        try
        {
            while (true)
            {
                await Task.Delay(_link.IsOpen ? _options.InterfaceScanInterval : NoInterfaceScanInterval, _time, _stopping);
                if (_link.Scan() && _announcing.IsCompleted)
                {
                    // New neighbours; or, after a start without any interface, the first ones.
                    Announce();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }

    private async Task RunAsync(string id, MdnsBrowse browse, byte[] query)
    {
        // Off the caller's thread, which may be the one all connections share: sending is one system call per interface and family.
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        LogStart(id, browse);
        var window = browse.IsRefresh ? _options.RefreshWindow : _options.FirstAnswerTimeout;
        var repeatAfter = browse.IsRefresh ? RefreshRepeatAfter : RepeatAfter;
        try
        {
            _link.Multicast(query, interfaceIndex: 0);
            if (!await browse.EndsWithinAsync(repeatAfter, _time, _stopping))
            {
                _link.Multicast(query, interfaceIndex: 0);
                await browse.EndsWithinAsync(window - repeatAfter, _time, _stopping);
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed: answered like a look-up that found nothing.
        }

        _browses.TryRemove(KeyValuePair.Create(new BrowseKey(id, browse.IsRefresh), browse));
        var addresses = browse.Addresses;
        LogEnd(id, browse, addresses);
        browse.Complete(addresses.Length > 0
            ? ResolveResult.Found(addresses, isComplete: false)
            : ResolveResult.Failed($"couldn't find service: {id}"));
    }

    [SkipLocalsInit]
    private void OnPacket(ReadOnlySpan<byte> packet, MdnsSource source)
    {
        Span<DnsEntry> entries = stackalloc DnsEntry[DnsMessage.MaxEntries];
        if (!DnsMessage.TryParse(packet, entries, out var message))
        {
            return;
        }

        foreach (var reply in _responder?.Answer(message) ?? [])
        {
            if (reply.IsUnicast)
            {
                _link.Unicast(reply.Packet, source);
            }
            else
            {
                _link.Multicast(reply.Packet, source.InterfaceIndex);
            }
        }

        _browser.Accept(message);
    }

    private void OnSighting(AddressSighting sighting)
    {
        if (!sighting.IsGoodbye)
        {
            AddTo(new BrowseKey(sighting.AppId, IsRefresh: false), sighting.Address);
            AddTo(new BrowseKey(sighting.AppId, IsRefresh: true), sighting.Address);
        }

        Sighted?.Invoke(sighting);
    }

    private void AddTo(BrowseKey key, string address)
    {
        if (_browses.TryGetValue(key, out var browse) && browse.Add(address))
        {
            Log.ResponseReceived(_log, key.AppId);
            Log.AddingAddress(_log, FamilyOf(address), address, key.AppId);
        }
    }

    private void LogStart(string id, MdnsBrowse browse)
    {
        if (browse.IsRefresh)
        {
            Log.Refreshing(_log, id);
        }
        else
        {
            Log.BrowsingForFirst(_log, id);
        }
    }

    private void LogEnd(string id, MdnsBrowse browse, string[] addresses)
    {
        if (browse.IsRefresh)
        {
            Log.BrowseTimedOut(_log, id);
            Log.RefreshTimedOut(_log, id);
        }
        else if (addresses.Length > 0)
        {
            Log.BrowseCanceled(_log, id);
            Log.BrowsingForFirstCanceled(_log, id);
        }
        else
        {
            Log.BrowseTimedOut(_log, id);
            Log.BrowsingForFirstTimedOut(_log, id);
        }
    }

    private static string FamilyOf(string address) => address[0] == '[' ? "IPv6" : "IPv4";

    /// <summary>A first look-up never waits for a refresh of the same id, which takes longer.</summary>
    private readonly record struct BrowseKey(string AppId, bool IsRefresh);
}
