using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>Malformed mDNS packets on the interface that the sidecars listen on.</summary>
public sealed class MdnsPacketTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    private static readonly IPEndPoint Group = new(IPAddress.Parse("224.0.0.251"), 5353);

    public static TheoryData<string> Cases { get; } = [.. Packets().Select(static packet => packet.Name)];

    [Theory]
    [MemberData(nameof(Cases))]
    public Task Malformed_IsPassedOver(string name) => SendAsync(Packets().Single(packet => packet.Name == name).Bytes);

    [Fact]
    public async Task NoiseOfManySeeds_IsPassedOver()
    {
        var proper = Answer(Name("_dapr._tcp.local"), 12, Name("x._dapr._tcp.local"));
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var packet = seed % 2 == 0 ? new byte[random.Next(200)] : proper.ToArray();
            if (seed % 2 == 0)
            {
                random.NextBytes(packet);
            }
            else
            {
                packet[random.Next(packet.Length)] = (byte)random.Next(256);
            }

            await SendAsync(packet);
        }
    }

    /// <summary>After all of that, an app that was not heard of before is found.</summary>
    [Fact]
    public async Task AfterMalformedOnes_ANewAppIsFound()
    {
        foreach (var (_, packet) in Packets())
        {
            await SendAsync(packet);
        }

        await using var app = await EchoApp.StartAsync();
        await using var sidecar = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("new"), AppPort = app.Port });
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"POST /v1.0/invoke/{sidecar.AppId}/method/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");

        Assert.Equal(200, (await client.AnswerAsync())!.Status);
    }

    /// <summary>Header of RFC 1035 §4.1.1: id, flags, then the four counts.</summary>
    private static IEnumerable<(string Name, byte[] Bytes)> Packets() =>
    [
        ("nothing", []),
        ("one byte", [0]),
        ("half a header", new byte[11]),
        ("only a header", new byte[12]),
        ("counts without records", [0, 0, 0x84, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ("question that is cut", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 5, (byte)'_', (byte)'d']),
        ("name that points to itself", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 12, 0, 1]),
        ("names that point to each other", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 14, 0xc0, 12, 0, 12, 0, 1]),
        ("name that points forward", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0, 12, 0, 1]),
        ("name of reserved labels", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x40, 1, 2, 0x80, 0, 12, 0, 1]),
        ("name of 4000 bytes", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. Enumerable.Repeat((byte[])[63, .. new byte[63]], 62).SelectMany(static label => label), 0, 0, 12, 0, 1]),
        ("record longer than the packet", [.. Answer(Name("_dapr._tcp.local"), 12, [])[..^2], 0xff, 0xff]),
        ("PTR that is cut", Answer(Name("_dapr._tcp.local"), 12, [5, (byte)'a'])),
        ("SRV of 3 bytes", Answer(Name("x._dapr._tcp.local"), 33, [0, 0, 0])),
        ("A of 3 bytes", Answer(Name("x.local"), 1, [127, 0, 0])),
        ("A of 40 bytes", Answer(Name("x.local"), 1, new byte[40])),
        ("AAAA of 4 bytes", Answer(Name("x.local"), 28, [127, 0, 0, 1])),
        ("TXT beyond its record", Answer(Name("x._dapr._tcp.local"), 16, [200, 1, 2])),
        ("TXT of nothing", Answer(Name("x._dapr._tcp.local"), 16, [])),
        ("unknown type", Answer(Name("x.local"), 0xfffe, [1, 2, 3])),
        ("question for everything", [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 255, 0, 255]),
        ("60 KB of pointers", [0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, .. Enumerable.Repeat((byte[])[0xc0, 12, 0, 12, 0, 1], 10_000).SelectMany(static question => question)]),
    ];

    private static byte[] Answer(byte[] owner, int type, byte[] data) =>
        [0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, .. owner, (byte)(type >> 8), (byte)type, 0, 1, 0, 0, 0, 120, (byte)(data.Length >> 8), (byte)data.Length, .. data];

    private static byte[] Name(string name) => [.. name.Split('.').SelectMany(static label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0];

    private static async Task SendAsync(byte[] packet)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.Loopback.GetAddressBytes());
        socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastLoopback, true);
        await socket.SendToAsync(packet, Group);
    }
}
