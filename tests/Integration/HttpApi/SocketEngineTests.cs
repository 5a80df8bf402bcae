using System.Net;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.HttpApi;

/// <summary>Both engines that may wait for sockets carry a call; the environment chooses.</summary>
public sealed class SocketEngineTests
{
    [Theory]
    [InlineData("", 2)]
    [InlineData("runtime", 1)]
    public async Task EngineOfTheEnvironment_CarriesCalls(string engine, int epolls)
    {
        var environment = new Dictionary<string, string> { ["FASTSIDECAR_SOCKETS"] = engine };
        await using var app = await EchoApp.StartAsync();
        await using var callee = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("callee"), AppPort = app.Port, Environment = environment });
        await using var caller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("caller"), Environment = environment });
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        var url = $"http://127.0.0.1:{caller.HttpPort}/v1.0/invoke/{callee.AppId}/method/echo";

        foreach (var version in new[] { HttpVersion.Version11, HttpVersion.Version20 })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, url)
            {
                Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new StringContent("hello"),
            };
            using var answer = await client.SendAsync(request).Within("the answer");
            Assert.Equal("hello", await answer.Content.ReadAsStringAsync());
        }

        Assert.Equal(epolls, Epolls(caller.Id));
        Assert.Equal(epolls, Epolls(callee.Id));
    }

    /// <summary>Instances of epoll: the runtime's, which mDNS always uses, and our loop's.</summary>
    private static int Epolls(int processId) =>
        Directory.GetFiles($"/proc/{processId}/fd").Count(static file => new FileInfo(file).LinkTarget == "anon_inode:[eventpoll]");
}
