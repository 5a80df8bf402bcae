using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>Sidecars as processes on hosts of their own, on a real network stack.</summary>
public sealed class MdnsNetworkTests
{
    [NamespaceFact]
    public async Task TwoProcessesOnOneHost_FindEachOtherAndThemselves()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var one = await hosts.PeerOnAAsync("one", TwoHosts.AddressOfA, 5001);
        await using var two = await hosts.PeerOnAAsync("two", TwoHosts.AddressOfA, 5002);
        await FindsAsync(one, "two", "10.99.0.2:5002");
        await FindsAsync(two, "one", "10.99.0.2:5001");
        await FindsAsync(one, "one", "10.99.0.2:5001");
        Assert.Equal("couldn't find service: Two", await one.AskAsync("resolve Two"));
    }

    [NamespaceFact]
    public async Task TwoHosts_FindEachOther()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001);
        await using var callee = await hosts.PeerOnBAsync("callee", TwoHosts.AddressOfB, 5002);
        await FindsAsync(caller, "callee", "10.99.0.3:5002");
        await FindsAsync(callee, "caller", "10.99.0.2:5001");
    }

    [NamespaceFact]
    public async Task InstancesOnTwoHosts_TakeTurns_RefusedAndLeavingOnesAreLeftOut()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001);
        await using var first = await hosts.PeerOnAAsync("callee", TwoHosts.AddressOfA, 5002);
        var second = await hosts.PeerOnBAsync("callee", TwoHosts.AddressOfB, 5003);
        await UntilTakenAsync(caller, "10.99.0.2:5002", "10.99.0.3:5003");

        await second.DisposeAsync();
        await UntilTakenAsync(caller, "10.99.0.2:5002");

        // It comes back with another port: heard of without a look-up.
        await using var third = await hosts.PeerOnBAsync("callee", TwoHosts.AddressOfB, 5004);
        await UntilTakenAsync(caller, "10.99.0.2:5002", "10.99.0.3:5004", gone: "10.99.0.3:5003");

        // It dies without a word and a connection is refused.
        await third.KillAsync();
        await caller.AskAsync("evict callee 10.99.0.3:5004");
        await UntilTakenAsync(caller, "10.99.0.2:5002", gone: "10.99.0.3:5003");
    }

    [NamespaceFact]
    public async Task OnlyLoopbackIsUp_NamedItWorks_UnnamedItIsNoSupportedInterface()
    {
        await using var hosts = await TwoHosts.CreateAsync(isConnected: false);
        await using var one = await hosts.PeerOnAAsync("one", "127.0.0.1", 5001, onlyInterface: "lo");
        await using var two = await hosts.PeerOnAAsync("two", "127.0.0.1", 5002, onlyInterface: "lo");
        await using var other = await hosts.PeerOnAAsync("three", "127.0.0.1", 5003, greeting: "No supported interface");
        await FindsAsync(one, "two", "127.0.0.1:5002");
        await FindsAsync(two, "one", "127.0.0.1:5001");
        Assert.Equal(
            "failed to initialize resolver after attempting IPv4+IPv6, IPv4-only, and IPv6-only", await other.AskAsync("resolve one"));
    }

    [NamespaceFact]
    public async Task OneInterfaceNamed_NothingIsHeardOrSaidOnOthers()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var everywhere = await hosts.PeerOnAAsync("everywhere", TwoHosts.AddressOfA, 5001);
        await using var onlyLoopback = await hosts.PeerOnAAsync("loop", "127.0.0.1", 5002, onlyInterface: "lo");
        await using var remote = await hosts.PeerOnBAsync("remote", TwoHosts.AddressOfB, 5003);
        await FindsAsync(everywhere, "remote", "10.99.0.3:5003");
        Assert.Equal("couldn't find service: remote", await onlyLoopback.AskAsync("resolve remote"));
        Assert.Equal("couldn't find service: loop", await remote.AskAsync("resolve loop"));
        Assert.Equal("couldn't find service: everywhere", await onlyLoopback.AskAsync("resolve everywhere"));
        Assert.Equal("couldn't find service: loop", await everywhere.AskAsync("resolve loop"));
    }

    [NamespaceFact]
    public async Task TwoInterfaces_QuestionsAndAnswersUseTheRightOne()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await hosts.ConnectAgainAsync();
        await using var first = await hosts.PeerOnAAsync("first", "10.99.0.2", 5001, onlyInterface: "v0");
        await using var second = await hosts.PeerOnAAsync("second", "192.168.77.2", 5002, onlyInterface: "w0");
        await using var both = await hosts.PeerOnBAsync("both", "192.168.77.3", 5003);

        // Each hears only its own cable, so the answer has come over that one; the default route knows only the first.
        await FindsAsync(first, "both", "192.168.77.3:5003");
        await FindsAsync(second, "both", "192.168.77.3:5003");
        await FindsAsync(both, "first", "10.99.0.2:5001");
        await FindsAsync(both, "second", "192.168.77.2:5002");
        Assert.Equal("couldn't find service: second", await first.AskAsync("resolve second"));
    }

    [NamespaceFact]
    public async Task MulticastFlagOff_IsNoSupportedInterface()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await hosts.OnAAsync("ip", "link", "set", "v0", "multicast", "off");
        await using var peer = await hosts.PeerOnAAsync("callee", TwoHosts.AddressOfA, 5001, greeting: "No supported interface");
    }

    [NamespaceFact]
    public async Task InterfaceComesLater_PeersAreFoundThen()
    {
        await using var hosts = await TwoHosts.CreateAsync(isConnected: false);
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001, greeting: "No supported interface");
        await using var callee = await hosts.PeerOnBAsync("callee", TwoHosts.AddressOfB, 5002, greeting: "No supported interface");
        await hosts.ConnectAsync();
        await UntilTakenAsync(caller, "10.99.0.3:5002");
        await UntilTakenAsync(callee, "10.99.0.3:5002");
    }

    [NamespaceFact]
    public async Task IPv6Only_AddressIsBracketed()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await hosts.OnAAsync("ip", "-4", "addr", "flush", "dev", "v0");
        await hosts.OnBAsync("ip", "-4", "addr", "flush", "dev", "v0");
        await using var caller = await hosts.PeerOnAAsync("caller", "2001:db8:1::2", 5001);
        await using var callee = await hosts.PeerOnBAsync("callee", "2001:db8:1::3", 5002);
        await FindsAsync(caller, "callee", "[2001:db8:1::3]:5002");
    }

    [NamespaceFact("python:zeroconf")]
    public async Task PythonZeroconf_ReadsOurRecords()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var callee = await hosts.PeerOnAAsync("callee", TwoHosts.AddressOfA, 5001);
        var lines = await AskZeroconfAsync(hosts, "callee.local.", "PTR");
        var instance = lines.Single(static line => line.StartsWith("callee.local. PTR ", StringComparison.Ordinal)).Split(' ')[3];
        Assert.StartsWith("testhost:", instance, StringComparison.Ordinal);
        Assert.EndsWith(".callee.local.", instance, StringComparison.Ordinal);
        Assert.Contains($"{instance} SRV 3200 5001 testhost.local.", lines);
        Assert.Contains($"{instance} TXT 3200 callee", lines);
        Assert.Contains("testhost.local. ADDR 120 10.99.0.2", lines);
    }

    [NamespaceFact("python:zeroconf")]
    public async Task PythonZeroconf_AnswersUs()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001);
        await using var python = hosts.StartOnB(NamespaceFactAttribute.Python, Script, "answer", "pyapp", TwoHosts.AddressOfB, "5009");
        Assert.Equal("ready", await python.ReadLineAsync());
        await UntilTakenAsync(caller, "10.99.0.3:5009", appId: "pyapp");
    }

    [NamespaceFact("avahi-daemon", "python:zeroconf")]
    public async Task AvahiOnTheSameHost_BothAnswer()
    {
        await using var hosts = await TwoHosts.CreateAsync();
        await using var caller = await hosts.PeerOnAAsync("caller", TwoHosts.AddressOfA, 5001);
        await using var before = await hosts.PeerOnBAsync("before", TwoHosts.AddressOfB, 5002);
        var folder = Directory.CreateTempSubdirectory("fs-avahi");
        try
        {
            var config = Path.Combine(folder.FullName, "avahi.conf");
            await File.WriteAllTextAsync(
                config, "[server]\nhost-name=avahihost\nuse-ipv4=yes\nuse-ipv6=yes\nallow-interfaces=v0\nenable-dbus=no\n[publish]\npublish-workstation=no\n");

            // A mount namespace of its own, because its pid file has one place per machine.
            await using var avahi = hosts.StartOnB(
                "unshare", "-m", "sh", "-c", $"mount -t tmpfs none /run && mkdir -p /run/avahi-daemon && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {config}");
            var lines = await AskZeroconfAsync(hosts, "avahihost.local.", "A");
            Assert.Contains(lines, static line => line.StartsWith("avahihost.local. ADDR ", StringComparison.Ordinal) && line.EndsWith(TwoHosts.AddressOfB, StringComparison.Ordinal));

            // Ours started before avahi and after it.
            await using var after = await hosts.PeerOnBAsync("after", TwoHosts.AddressOfB, 5003);
            await FindsAsync(caller, "before", "10.99.0.3:5002");
            await FindsAsync(caller, "after", "10.99.0.3:5003");
            await FindsAsync(after, "caller", "10.99.0.2:5001");
            await avahi.KillAsync();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static string Script => Path.Combine(AppContext.BaseDirectory, "Mdns", "zeroconf_peer.py");

    private static async Task<List<string>> AskZeroconfAsync(TwoHosts hosts, string name, string type)
    {
        await using var python = hosts.StartOnA(NamespaceFactAttribute.Python, Script, "ask", name, type);
        var lines = new List<string>();
        while (await python.ReadLineAsync() is not "end" and var line)
        {
            lines.Add(line);
        }

        Assert.True(lines.Exists(line => line.StartsWith(name, StringComparison.Ordinal)), $"zeroconf learnt nothing about {name}: {string.Join(", ", lines)}");
        return lines;
    }

    /// <summary>
    /// A look-up waits a second for an answer; the other's process may not have had a CPU in that time, and then the next one finds it. No look-up may
    /// find anything else.
    /// </summary>
    private static Task FindsAsync(LineProcess caller, string appId, string address) => Eventually.TrueAsync(
        async () =>
        {
            var answer = await caller.AskAsync($"resolve {appId}");
            Assert.True(answer == address || answer == $"couldn't find service: {appId}", $"{answer} instead of {address}");
            return answer == address;
        },
        () => $"{appId} is not found");

    /// <summary>Asks until exactly the expected addresses are given out in turn.</summary>
    /// <param name="caller">Who is asked.</param>
    /// <param name="first">One address.</param>
    /// <param name="second">Another.</param>
    /// <param name="appId">Whose they are.</param>
    /// <param name="gone">
    /// One that had left and was given out no more. On a busy machine an answer of its may still lie in the socket of the other IP version, behind its
    /// goodbye; whoever is given it then is refused there, and says so.
    /// </param>
    private static async Task UntilTakenAsync(LineProcess caller, string first, string? second = null, string appId = "callee", string? gone = null)
    {
        string[] expected = second is null ? [first] : [first, second];
        var deadline = Task.Delay(TestTimeouts.Default);
        while (true)
        {
            var taken = new List<string>();
            for (var i = 0; i < 4; i++)
            {
                taken.Add(await caller.AskAsync($"resolve {appId}"));
            }

            if (taken.Distinct().Order().SequenceEqual(expected.Order()))
            {
                return;
            }

            if (gone is not null && taken.Contains(gone))
            {
                await caller.AskAsync($"evict {appId} {gone}");
            }

            Assert.False(deadline.IsCompleted, $"{string.Join(", ", taken)} instead of {string.Join(", ", expected)}");
        }
    }
}
