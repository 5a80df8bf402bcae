using System.Collections.Concurrent;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Transport.Channels;

namespace FastSidecar.Targets.Peers;

/// <summary>The other sidecars, by address.</summary>
internal sealed class PeerTargets(ChannelPool channels, int maxMessageBytes, TimeProvider time, InvocationObserver observer)
{
    /// <summary>
    /// Addresses remembered. In a mesh where sidecars come and go this is reached after days; the table is then emptied, since an entry
    /// costs nothing to make anew.
    /// </summary>
    private const int MostTargets = 4096;

    private readonly PeerCallPool _calls = new(maxMessageBytes);
    private readonly ProxyCallPool _proxyCalls = new(maxMessageBytes);
    private readonly ConcurrentDictionary<string, PeerTarget> _targets = new(StringComparer.Ordinal);

    public PeerTarget For(string address)
    {
        if (_targets.TryGetValue(address, out var target))
        {
            return target;
        }

        if (_targets.Count >= MostTargets)
        {
            _targets.Clear();
        }

        return _targets.GetOrAdd(address, new PeerTarget(channels, new ChannelKey(address, "", ""), _calls, _proxyCalls, time, observer));
    }
}
