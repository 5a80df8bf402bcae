using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>More connections than the process may have descriptors.</summary>
public sealed class DescriptorTests
{
    private const int Descriptors = 120;
    private const int Clients = 150;

    [ToolTheory("prlimit")]
    [InlineData("http")]
    [InlineData("internal")]
    [InlineData("metrics")]
    public async Task NoDescriptorIsLeft_AcceptsPause_AndGoOnWhenThereAreSome(string port)
    {
        await using var sidecar = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("few") });
        using (var limit = Process.Start("prlimit", $"--pid {sidecar.Id} --nofile={Descriptors}:{Descriptors}"))
        {
            await limit.WaitForExitAsync().Within("prlimit");
            Assert.Equal(0, limit.ExitCode);
        }

        var address = new IPEndPoint(IPAddress.Loopback, port == "http" ? sidecar.HttpPort : port == "internal" ? sidecar.InternalPort : sidecar.MetricsPort);
        var clients = new List<Socket>();
        for (var i = 0; i < Clients; i++)
        {
            var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            clients.Add(client);
            await client.ConnectAsync(address).Within($"connection {i}");
        }

        using (var process = Process.GetProcessById(sidecar.Id))
        {
            var before = process.TotalProcessorTime;
            await Task.Delay(TimeSpan.FromSeconds(1));
            process.Refresh();
            Assert.InRange((process.TotalProcessorTime - before).TotalMilliseconds, 0, 300);
        }

        clients.ForEach(static client => client.Dispose());
        await sidecar.ReadyAsync();
    }
}
