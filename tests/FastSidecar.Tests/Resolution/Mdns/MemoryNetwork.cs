using System.Net;
using FastSidecar.Resolution.Mdns;

namespace FastSidecar.Tests.Resolution.Mdns;

/// <summary>A link without sockets: every packet reaches every attached resolver at once, the sender included, and is kept for the test to look at.</summary>
internal sealed class MemoryNetwork
{
    private readonly Lock _lock = new();
    private readonly List<MemoryLink> _links = [];
    private readonly List<byte[]> _sent = [];

    /// <summary>Called before a link closes: the last moment at which its resolver can be asked.</summary>
    public Action? Closing { get; set; }

    public List<byte[]> Sent
    {
        get
        {
            lock (_lock)
            {
                return [.. _sent];
            }
        }
    }

    public MemoryLink Attach(bool isOpen = true)
    {
        var link = new MemoryLink(this) { HasInterface = isOpen };
        lock (_lock)
        {
            _links.Add(link);
        }

        return link;
    }

    /// <summary>A packet from somebody the test plays.</summary>
    public void Send(ReadOnlySpan<byte> packet)
    {
        List<MemoryLink> links;
        lock (_lock)
        {
            _sent.Add(packet.ToArray());
            links = [.. _links];
        }

        foreach (var link in links)
        {
            link.Receive(packet);
        }
    }

    private void Detach(MemoryLink link)
    {
        lock (_lock)
        {
            _links.Remove(link);
        }
    }

    internal sealed class MemoryLink(MemoryNetwork network) : IMdnsLink
    {
        private MdnsPacketHandler? _handler;

        public bool HasInterface { get; set; }

        public bool IsOpen { get; private set; }

        public bool IsDisposed { get; private set; }

        public bool Scan()
        {
            var isNew = HasInterface && !IsOpen;
            IsOpen = HasInterface;
            return isNew;
        }

        public void Start(MdnsPacketHandler handler) => _handler = handler;

        public void Multicast(ReadOnlySpan<byte> packet, int interfaceIndex)
        {
            if (IsOpen)
            {
                network.Send(packet);
            }
        }

        public void Unicast(ReadOnlySpan<byte> packet, MdnsSource to) => Multicast(packet, 0);

        public void Receive(ReadOnlySpan<byte> packet)
        {
            if (IsOpen)
            {
                _handler?.Invoke(packet, new MdnsSource(1, new IPEndPoint(IPAddress.Loopback, 5353)));
            }
        }

        public ValueTask DisposeAsync()
        {
            network.Closing?.Invoke();
            IsDisposed = true;
            network.Detach(this);
            return default;
        }
    }
}
