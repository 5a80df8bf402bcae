using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Shared;

/// <summary>A caller's sidecar, a callee's sidecar and the callee's app, shared by the tests of a class.</summary>
public class SidecarPair : IAsyncLifetime
{
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(1);
    private readonly string[] _flags;

    public SidecarPair()
        : this([])
    {
    }

    protected SidecarPair(params string[] flags)
    {
        _flags = flags;
    }

    internal EchoApp App { get; private set; } = null!;

    internal SidecarProcess Callee { get; private set; } = null!;

    internal SidecarProcess Caller { get; private set; } = null!;

    internal virtual IEnumerable<SidecarProcess> Processes => [Caller, Callee];

    /// <summary>The path form of a call of the app.</summary>
    internal string PathTo(string method) => $"/v1.0/invoke/{Callee.AppId}/method/{method}";

    internal string UrlTo(string method) => $"http://127.0.0.1:{Caller.HttpPort}{PathTo(method)}";

    public virtual async Task InitializeAsync()
    {
        App = await EchoApp.StartAsync();
        Callee = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("callee"), AppPort = App.Port, Flags = _flags });
        Caller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("caller"), Flags = _flags });
        await CallWorksAsync();
    }

    public virtual async Task DisposeAsync()
    {
        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
        await App.DisposeAsync();
    }

    /// <summary>
    /// A call on a connection of its own is answered, right and within a second. One that was slower is repeated: the machine of a test run is busy, a hanging sidecar is
    /// slow every time.
    /// </summary>
    internal async Task CallWorksAsync()
    {
        const int Tries = 3;
        var times = new List<string>();
        for (var i = 0; i < Tries; i++)
        {
            var clock = new FairClock();
            using var connection = await RawConnection.ConnectAsync(Caller.HttpPort);
            await connection.SendAsync($"POST {PathTo("echo")} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
            var answer = await connection.AnswerAsync();
            Assert.True(answer is { Status: 200, Text: "hello" }, $"an ordinary call: {answer?.Status} {answer?.Text}");
            if (clock.Fair < Prompt)
            {
                return;
            }

            times.Add(clock.ToString());
        }

        Assert.Fail($"ordinary calls took {string.Join(", ", times)}");
    }

    internal void AssertHealthy()
    {
        foreach (var process in Processes)
        {
            process.AssertHealthy();
        }
    }
}
