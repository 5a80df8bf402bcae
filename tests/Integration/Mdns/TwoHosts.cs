namespace FastSidecar.Integration.Mdns;

/// <summary>Two network namespaces joined by a cable: hosts a (10.99.0.2) and b (10.99.0.3), with IPv6 link-local addresses, cut off from everything else.</summary>
internal sealed class TwoHosts : IAsyncDisposable
{
    private static int _count;
    private readonly string _a;
    private readonly string _b;

    private TwoHosts()
    {
        var number = Interlocked.Increment(ref _count);
        _a = $"fsa{Environment.ProcessId}-{number}";
        _b = $"fsb{Environment.ProcessId}-{number}";
    }

    public const string AddressOfA = "10.99.0.2";
    public const string AddressOfB = "10.99.0.3";

    /// <param name="isConnected">Whether the cable is plugged in from the start.</param>
    public static async Task<TwoHosts> CreateAsync(bool isConnected = true)
    {
        var hosts = new TwoHosts();
        await LineProcess.RunAsync("ip", "netns", "add", hosts._a);
        await LineProcess.RunAsync("ip", "netns", "add", hosts._b);
        await hosts.OnAAsync("ip", "link", "set", "lo", "up");
        await hosts.OnBAsync("ip", "link", "set", "lo", "up");
        if (isConnected)
        {
            await hosts.ConnectAsync();
        }

        return hosts;
    }

    public async Task ConnectAsync()
    {
        await LineProcess.RunAsync("ip", "link", "add", "v0", "netns", _a, "type", "veth", "peer", "name", "v0", "netns", _b);
        await ConfigureAsync(OnAAsync, AddressOfA);
        await ConfigureAsync(OnBAsync, AddressOfB);
    }

    /// <summary>A second cable, w0 on both: 192.168.77.2 and 192.168.77.3. The default route stays on the first.</summary>
    public async Task ConnectAgainAsync()
    {
        await LineProcess.RunAsync("ip", "link", "add", "w0", "netns", _a, "type", "veth", "peer", "name", "w0", "netns", _b);
        foreach (var (on, address) in new[] { ((Func<IEnumerable<string>, Task>)OnAAsync, "192.168.77.2"), (OnBAsync, "192.168.77.3") })
        {
            await on(["ip", "addr", "add", $"{address}/24", "dev", "w0"]);
            await on(["ip", "link", "set", "w0", "up", "multicast", "on"]);
        }
    }

    /// <summary>Runs a command on a host to its end.</summary>
    public Task OnAAsync(params IEnumerable<string> command) => LineProcess.RunAsync(["ip", "netns", "exec", _a, .. command]);

    public Task OnBAsync(params IEnumerable<string> command) => LineProcess.RunAsync(["ip", "netns", "exec", _b, .. command]);

    public LineProcess StartOnA(params IEnumerable<string> command) => LineProcess.Start(["ip", "netns", "exec", _a, .. command]);

    public LineProcess StartOnB(params IEnumerable<string> command) => LineProcess.Start(["ip", "netns", "exec", _b, .. command]);

    /// <summary>A sidecar's name resolution on a host, started; expects <paramref name="greeting"/> of it.</summary>
    public Task<LineProcess> PeerOnAAsync(string appId, string address, int port, string? onlyInterface = null, string greeting = "started") =>
        PeerAsync(_a, appId, address, port, onlyInterface, greeting);

    public Task<LineProcess> PeerOnBAsync(string appId, string address, int port, string? onlyInterface = null, string greeting = "started") =>
        PeerAsync(_b, appId, address, port, onlyInterface, greeting);

    public async ValueTask DisposeAsync()
    {
        await LineProcess.RunAsync("ip", "netns", "del", _a);
        await LineProcess.RunAsync("ip", "netns", "del", _b);
    }

    private static async Task ConfigureAsync(Func<IEnumerable<string>, Task> on, string address)
    {
        await on(["sysctl", "-q", "-w", "net.ipv6.conf.v0.accept_dad=0"]);
        await on(["ip", "addr", "add", $"{address}/24", "dev", "v0"]);
        await on(["ip", "link", "set", "v0", "up", "multicast", "on"]);
        await on(["ip", "route", "add", "default", "dev", "v0"]);
    }

    private static async Task<LineProcess> PeerAsync(string host, string appId, string address, int port, string? onlyInterface, string greeting)
    {
        List<string> command =
        [
            "ip", "netns", "exec", host, Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "dotnet" ? path : "dotnet",
            typeof(TwoHosts).Assembly.Location, "mdns-peer", appId, address, port.ToString(),
        ];
        if (onlyInterface is not null)
        {
            command.Add(onlyInterface);
        }

        var peer = LineProcess.Start(command);
        Xunit.Assert.Equal(greeting, await peer.ReadLineAsync());
        return peer;
    }
}
