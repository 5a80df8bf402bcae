using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>
/// A hand-made responder answers a caller's question for <c>peer.local.</c> with the recorded packets. Whether and where the
/// caller then connects is noted by a listener that closes at once.
/// </summary>
internal static class MdnsPeerAnswersReplay
{
    private const int PeerPort = 20999;
    private const int MdnsPort = 5353;

    /// <summary>A second packet of a case follows at once; connects are noted as they come.</summary>
    private static readonly TimeSpan AfterAnswer = TimeSpan.FromMilliseconds(200);

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, r => RunAsync(settings, file, r));
        }
    }

    private static async Task<JsonObject> RunAsync(ReplaySettings settings, CaseFile file, JsonObject recorded)
    {
        // First, so that nobody else is given its port.
        using var listener = new NotingListener(PeerPort);
        await using var bench = await MdnsBench.StartAsync(settings, file, CaseFile.NameOf(recorded));
        bench.Start("caller", "caller", hasApp: false);
        await bench.Topology.ReadyAsync("caller");
        using var responder = new AskingSocket(0);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bench.Capture.Seen += packet =>
        {
            if (PacketText.Of(packet.Payload) is { } text && text.Contains("\nquestions peer.local. PTR ", StringComparison.Ordinal))
            {
                asked.TrySetResult();
            }
        };
        var answering = AnswerAsync(responder, asked.Task, recorded["answers_hex"]!.AsArray());
        var actual = recorded.DeepClone().AsObject();
        var start = Clock.Now;
        actual["client"] = await bench.CallAsync("caller", "peer", recorded["client"], repeatable: false);
        actual["took_ms"] = MdnsBench.Took(recorded["took_ms"]!, start);
        await answering;
        await Task.Delay(AfterAnswer);
        var dialled = listener.Addresses.Select(a => a.Equals(IPAddress.Parse(settings.HostIp)) ? "{{HOST_IP}}" : a.ToString()).Distinct();
        actual["dialled"] = new JsonArray([.. dialled.Select(d => (JsonNode)d)]);
        return actual;
    }

    /// <summary>The list holds packets and how they are sent: a pause in seconds before them, or <c>unicast</c>.</summary>
    private static async Task AnswerAsync(AskingSocket responder, Task asked, JsonArray answers)
    {
        await asked.WaitAsync(TimeSpan.FromSeconds(5));
        var isUnicast = answers.Any(a => a!.ToString() == "unicast");
        var to = new IPEndPoint(IPAddress.Parse(isUnicast ? IsolatedNetwork.HostIp : "224.0.0.251"), MdnsPort);
        foreach (var answer in answers.Select(a => a!.AsValue()))
        {
            if (answer.TryGetValue<double>(out var pause))
            {
                await Task.Delay(TimeSpan.FromSeconds(pause));
            }
            else if (answer.ToString() is var hex && hex != "unicast")
            {
                await responder.SendAsync(Convert.FromHexString(hex), to);
            }
        }
    }

    /// <summary>Takes connections on every address of both families, notes which address each was made to, and closes it.</summary>
    private sealed class NotingListener : IDisposable
    {
        private readonly Socket _socket = new(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        private readonly Lock _lock = new();
        private readonly List<IPAddress> _addresses = [];

        public NotingListener(int port)
        {
            _socket.SetRawSocketOption(AskingSocket.SolSocket, AskingSocket.SoReuseAddr, BitConverter.GetBytes(1));
            _socket.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
            _socket.Listen();
            _ = AcceptAsync();
        }

        public List<IPAddress> Addresses
        {
            get
            {
                lock (_lock)
                {
                    return [.. _addresses];
                }
            }
        }

        public void Dispose() => _socket.Dispose();

        private async Task AcceptAsync()
        {
            while (true)
            {
                try
                {
                    using var connection = await _socket.AcceptAsync();
                    var address = ((IPEndPoint)connection.LocalEndPoint!).Address;
                    lock (_lock)
                    {
                        _addresses.Add(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
                    }
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    return;
                }
            }
        }
    }
}
