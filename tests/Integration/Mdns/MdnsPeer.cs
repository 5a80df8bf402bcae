using FastSidecar.Resolution;
using FastSidecar.Resolution.Mdns;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastSidecar.Integration.Mdns;

/// <summary>
/// Name resolution as a process of its own, for tests that need several hosts: <c>mdns-peer APP-ID ADDRESS PORT [INTERFACE]</c>. Takes commands on its input, one per line,
/// and answers each with one line; says goodbye at the end of the input.
/// </summary>
internal static class MdnsPeer
{
    public static async Task<int> RunAsync(string[] arguments)
    {
        var options = new MdnsOptions
        {
            AppId = arguments[0],
            Address = arguments[1],
            Port = int.Parse(arguments[2]),
            InterfaceName = arguments.Length > 3 ? arguments[3] : null,
            HostName = "testhost",
            ProcessId = Environment.ProcessId,
        };
        await using var mdns = MdnsResolver.Create(options, TimeProvider.System, new Random(Environment.ProcessId), NullLogger.Instance);
        await using var cache = new CachingResolver(mdns, new CachingOptions(), TimeProvider.System, NullLogger.Instance);
        cache.Start();
        Console.WriteLine(mdns.Start() ?? "started");
        while (await Console.In.ReadLineAsync() is { } line)
        {
            Console.WriteLine(await ObeyAsync(cache, line.Split(' ')));
        }

        return 0;
    }

    private static async Task<string> ObeyAsync(CachingResolver cache, string[] command)
    {
        switch (command)
        {
            case ["resolve", var id]:
                var resolved = await cache.ResolveAsync(new ResolveRequest(id, "default", 1), default, default);
                return resolved.Address ?? resolved.Error ?? "neither";
            case ["evict", var id, var address]:
                cache.Evict(id, "default", address);
                return "evicted";
            default:
                return "unknown command";
        }
    }
}
