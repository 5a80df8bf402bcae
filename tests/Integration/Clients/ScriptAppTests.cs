using FastSidecar.Integration.Mdns;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>Apps of other languages behind the callee: one that answers in HTTP/1.0 and closes, one that answers while it is still being asked.</summary>
public sealed class ScriptAppTests
{
    [ToolFact("python3")]
    public Task PythonsHttpServer_AnswersInHttp10_EveryAnswerIsWhole() => ServesAsync("python3", "http10_app.py", isHttp10: true);

    [ToolFact("node")]
    public Task NodesHttpServer_AnswersWhileItReads_EveryAnswerIsWhole() => ServesAsync("node", "node_app.js", isHttp10: false);

    private static async Task ServesAsync(string program, string script, bool isHttp10)
    {
        var port = FreePorts.Next();
        await using var app = LineProcess.Start(program, Path.Combine(ScriptTests.Folder, script), $"{port}");
        await using var callee = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("callee"), AppPort = port });
        await using var caller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("caller") });
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        for (var i = 0; i < 50; i++)
        {
            var sent = new string('x', i * i * 20);
            using var answer = await client.PostAsync(
                $"http://127.0.0.1:{caller.HttpPort}/v1.0/invoke/{callee.AppId}/method/a/b?i={i}", new StringContent(sent));

            Assert.Equal(200, (int)answer.StatusCode);
            Assert.Equal($"/a/b?i={i}", Assert.Single(answer.Headers.GetValues("X-Path")));
            Assert.Equal(sent + sent + sent, await answer.Content.ReadAsStringAsync());
        }

        Assert.True(!isHttp10 || new OpenFiles(callee.Id).Pooled < 20, "connections to an app that closes them are not kept");
        caller.AssertHealthy();
        callee.AssertHealthy();
        await app.KillAsync();
    }
}
