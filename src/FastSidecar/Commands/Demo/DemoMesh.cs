using System.Threading.Channels;

namespace FastSidecar.Commands.Demo;

/// <summary>Two apps with their sidecars: the shop, which calls, and the warehouse.</summary>
internal sealed class DemoMesh : IAsyncDisposable
{
    private readonly Channel<DemoSighting> _sightings = Channel.CreateUnbounded<DemoSighting>();
    private readonly TimeProvider _time;

    /// <param name="time">The clock of its waits.</param>
    /// <param name="shopId">The id of the app that calls.</param>
    /// <param name="warehouseId">The id of the app that is called.</param>
    public DemoMesh(TimeProvider time, string shopId = "shop", string warehouseId = "warehouse")
    {
        _time = time;
        ShopApp = new DemoApp(shopId, _sightings.Writer);
        WarehouseApp = new DemoApp(warehouseId, _sightings.Writer);
        using var ports = new FreePorts();
        Shop = new DemoSidecar(ShopApp, ports, time);
        Warehouse = new DemoSidecar(WarehouseApp, ports, time);
    }

    public DemoApp ShopApp { get; }

    public DemoApp WarehouseApp { get; }

    public DemoSidecar Shop { get; }

    public DemoSidecar Warehouse { get; }

    /// <summary>What the apps saw, in order.</summary>
    public ChannelReader<DemoSighting> Sightings => _sightings.Reader;

    /// <summary>Starts all four and waits until both sidecars are ready.</summary>
    public async Task StartAsync(CancellationToken interrupted)
    {
        await Task.WhenAll(ShopApp.StartAsync(interrupted), WarehouseApp.StartAsync(interrupted));
        Shop.Start();
        Warehouse.Start();
        await Task.WhenAll(Shop.WaitUntilReadyAsync(interrupted), Warehouse.WaitUntilReadyAsync(interrupted));
    }

    /// <summary>Stops the sidecars and gives the time it took. Throws when one did not end well.</summary>
    /// <param name="expectOrderly">False after Ctrl-C, which a terminal sends to the sidecars as well: the second signal ends them at once.</param>
    public async Task<TimeSpan> StopAsync(bool expectOrderly)
    {
        var started = _time.GetTimestamp();
        await Task.WhenAll(StopAsync(Shop, expectOrderly), StopAsync(Warehouse, expectOrderly));
        return _time.GetElapsedTime(started);
    }

    public async ValueTask DisposeAsync()
    {
        await Shop.DisposeAsync();
        await Warehouse.DisposeAsync();
        await ShopApp.DisposeAsync();
        await WarehouseApp.DisposeAsync();
    }

    private static async Task StopAsync(DemoSidecar sidecar, bool expectOrderly)
    {
        var code = await sidecar.StopAsync();
        if (code != 0 && expectOrderly)
        {
            throw new DemoException($"the sidecar of {sidecar.AppId} ended with code {code} after SIGTERM");
        }
    }
}
