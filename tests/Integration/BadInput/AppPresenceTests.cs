using System.Net;
using System.Net.Sockets;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>Apps that are not there, come late, or come twice.</summary>
public sealed class AppPresenceTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    [Fact]
    public async Task AppThatListensLate_IsServedOnceItDoes()
    {
        var port = FreePorts.Next();
        await using var sidecar = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("late"), AppPort = port, WaitsForReady = false });

        // Before: an error of the sidecar's, not a hanging call.
        await Eventually.TrueAsync(() => sidecar.Log.Contains("waiting on port", StringComparison.OrdinalIgnoreCase), () => sidecar.Log);
        var before = await CallAsync(sidecar.AppId);
        Assert.True(before is { Status: 500 }, $"{before}");

        await using var app = await EchoApp.StartAsync(port);
        await sidecar.ReadyAsync();
        var after = await CallAsync(sidecar.AppId);
        Assert.True(after is { Status: 200, Text: "hello" }, $"{after}");
        sidecar.AssertHealthy();
    }

    [Fact]
    public async Task AppThatGoesAndComesBack_IsAnErrorInBetween()
    {
        var port = FreePorts.Next();
        var app = await EchoApp.StartAsync(port);
        await using var sidecar = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("again"), AppPort = port });
        Assert.Equal(200, (await CallAsync(sidecar.AppId))!.Status);

        await app.DisposeAsync();
        for (var i = 0; i < 5; i++)
        {
            var gone = await CallAsync(sidecar.AppId);
            Assert.True(gone is { Status: 500 } && gone.Text.Contains("ERR_DIRECT_INVOKE", StringComparison.Ordinal), $"{gone}");
        }

        await using var back = await EchoApp.StartAsync(port);
        Assert.Equal(200, (await CallAsync(sidecar.AppId))!.Status);
        sidecar.AssertHealthy();
    }

    /// <summary>A listener that accepts nothing: its queue is full, connecting takes as long as the limit allows. Other calls are not held up.</summary>
    [Fact]
    public async Task AppThatDoesNotAccept_HoldsNobodyElseUp()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var port = FreePorts.Next();
        listener.Bind(new IPEndPoint(IPAddress.Loopback, port));
        listener.Listen(1);
        await using var sidecar = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("deaf"), AppPort = port, WaitsForReady = false });
        await Eventually.TrueAsync(() => sidecar.Log.Contains("application discovered", StringComparison.OrdinalIgnoreCase), () => sidecar.Log);
        var hanging = new List<RawConnection>();
        for (var i = 0; i < 20; i++)
        {
            var connection = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
            await connection.SendAsync($"GET /v1.0/invoke/{sidecar.AppId}/method/m HTTP/1.1\r\nHost: x\r\n\r\n");
            hanging.Add(connection);
        }

        await Pair.CallWorksAsync();
        hanging.ForEach(static connection => connection.Reset());
        sidecar.AssertHealthy();
    }

    /// <summary>Two processes of one app: each is called, and when one goes the other is.</summary>
    [Fact]
    public async Task TwoAppsWithOneId_BothServe_AndOneIsEnough()
    {
        var id = SidecarSettings.UniqueId("twin");
        await using var firstApp = await EchoApp.StartAsync();
        await using var secondApp = await EchoApp.StartAsync();
        await using var first = await SidecarProcess.StartAsync(new SidecarSettings { AppId = id, AppPort = firstApp.Port });
        var second = await SidecarProcess.StartAsync(new SidecarSettings { AppId = id, AppPort = secondApp.Port });

        // The second may be heard of a moment later than the first.
        await Eventually.TrueAsync(
            async () =>
            {
                var told = await CallAsync(id);
                Assert.True(told is { Status: 200 }, $"{told}");
                return firstApp.Completed > 0 && secondApp.Completed > 0;
            },
            () => $"only one was called: {firstApp.Completed}, {secondApp.Completed}");

        await second.DisposeAsync();
        for (var i = 0; i < 20; i++)
        {
            var clock = new FairClock();
            var told = await CallAsync(id);
            Assert.True(told is { Status: 200 }, $"call {i} after the end of one: {told}");
            Assert.True(clock.Fair < TimeSpan.FromSeconds(5), $"{clock}");
        }

        first.AssertHealthy();
    }

    private async Task<RawAnswer?> CallAsync(string appId)
    {
        using var client = await RawConnection.ConnectAsync(Pair.Caller.HttpPort);
        await client.SendAsync($"POST /v1.0/invoke/{appId}/method/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
        return await client.AnswerAsync();
    }
}
