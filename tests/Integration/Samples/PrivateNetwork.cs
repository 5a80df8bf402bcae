using FastSidecar.Integration.Mdns;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Samples;

/// <summary>A machine of its own as far as the network goes: loopback and one interface that leads nowhere. Fixed ports are free in it.</summary>
internal sealed class PrivateNetwork : IAsyncDisposable
{
    private static int _count;

    private PrivateNetwork(string name)
    {
        Name = name;
    }

    public string Name { get; }

    /// <param name="isUp">False leaves all of it down, the loopback interface too.</param>
    public static async Task<PrivateNetwork> CreateAsync(bool isUp = true)
    {
        var network = new PrivateNetwork($"fsn{Environment.ProcessId}-{Interlocked.Increment(ref _count)}");
        await LineProcess.RunAsync("ip", "netns", "add", network.Name);
        if (isUp)
        {
            await network.RunAsync("ip", "link", "set", "lo", "up");
            await network.RunAsync("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1");
            await network.RunAsync("ip", "addr", "add", "10.99.0.2/24", "dev", "v0");
            await network.RunAsync("ip", "link", "set", "v0", "up", "multicast", "on");
            await network.RunAsync("ip", "link", "set", "v1", "up");
            await network.RunAsync("ip", "route", "add", "default", "dev", "v0");
        }

        return network;
    }

    /// <summary>Nothing runs in it any more: whoever was started has stopped all that it started itself.</summary>
    public async Task IsEmptyAsync()
    {
        var limit = Task.Delay(TestTimeouts.Default);
        string left;
        while ((left = await ProcessesAsync()).Length > 0 && !limit.IsCompleted)
        {
            await Task.Delay(20);
        }

        Assert.Equal("", left);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var id in (await ProcessesAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            await LineProcess.RunAsync("sh", "-c", $"kill -9 {id} || true");
        }

        await LineProcess.RunAsync("ip", "netns", "del", Name);
    }

    private Task RunAsync(params IEnumerable<string> command) => LineProcess.RunAsync(["ip", "netns", "exec", Name, .. command]);

    private async Task<string> ProcessesAsync()
    {
        await using var list = new Terminal($"ip netns pids {Name}");
        await list.EndsAsync();
        return list.Output;
    }
}
