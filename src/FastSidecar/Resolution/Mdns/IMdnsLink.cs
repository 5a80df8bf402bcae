using System.Net;

namespace FastSidecar.Resolution.Mdns;

/// <summary>Where a packet came from.</summary>
/// <param name="InterfaceIndex">The interface it arrived on.</param>
/// <param name="Sender">For a unicast reply.</param>
internal readonly record struct MdnsSource(int InterfaceIndex, EndPoint Sender);

/// <summary>Takes a received packet, valid during the call. Called from several loops at once, never from a socket thread; must not throw.</summary>
internal delegate void MdnsPacketHandler(ReadOnlySpan<byte> packet, MdnsSource source);

/// <summary>The network as multicast DNS sees it: packets to everybody on a link. The seam for tests without sockets.</summary>
internal interface IMdnsLink : IAsyncDisposable
{
    /// <summary>Some interface can be used. False before the first <see cref="Scan"/>.</summary>
    bool IsOpen { get; }

    /// <summary>
    /// Looks for interfaces that came or went and joins the group on new ones. True when there was a new one. Never throws for an interface that cannot
    /// be used: it is left out and tried again next time.
    /// </summary>
    bool Scan();

    /// <summary>Starts receiving. Once.</summary>
    void Start(MdnsPacketHandler handler);

    /// <summary>
    /// Sends to everybody over both families, on one interface or, for an index of 0 or an unknown one, on every interface in use. Does not block; what
    /// cannot be sent is lost, as packets are.
    /// </summary>
    void Multicast(ReadOnlySpan<byte> packet, int interfaceIndex);

    /// <summary>Sends to one peer.</summary>
    void Unicast(ReadOnlySpan<byte> packet, MdnsSource to);
}
