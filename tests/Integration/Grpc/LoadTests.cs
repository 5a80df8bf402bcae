using System.Net;
using System.Net.Http.Headers;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Grpc;

/// <summary>h2load on the gRPC port: many connections with many streams each, a prepared message in all of them. Every answer is whole.</summary>
public sealed class LoadTests(NodeServerPair pair) : IClassFixture<NodeServerPair>
{
    private const int Requests = 5000;

    [GrpcFact("h2load")]
    public Task ProxiedUnary_EveryAnswerIsWhole() => LoadAsync(GrpcMessages.Echo, GrpcMessages.Note(new string('x', 100)), pair.Callee.AppId);

    [GrpcFact("h2load")]
    public async Task InvokeService_EveryAnswerIsWhole()
    {
        await using var app = await EchoApp.StartAsync();
        await using var callee = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("echo"), AppPort = app.Port });
        await LoadAsync(GrpcMessages.InvokeService, GrpcMessages.Invoke(callee.AppId, "echo", new byte[1024]), appId: null);
        Assert.Equal(Requests + 1, app.Completed);
        callee.AssertHealthy();
    }

    private async Task LoadAsync(string path, byte[] message, string? appId)
    {
        var url = $"http://{pair.SidecarAddress}{path}";
        var answerBytes = await OneAnswerBytesAsync(url, message, appId);
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, GrpcMessages.Framed(message));
        string[] target = appId is null ? [] : ["-H", $"dapr-app-id: {appId}"];
        var result = await Tool.RunAsync(
            "h2load", ["-n", $"{Requests}", "-c", "20", "-m", "50", "-d", file, "-H", "content-type: application/grpc", "-H", "te: trailers", .. target, url]);
        File.Delete(file);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains($"{Requests} done, {Requests} succeeded, 0 failed, 0 errored, 0 timeout", result.Output, StringComparison.Ordinal);
        Assert.Contains($"status codes: {Requests} 2xx", result.Output, StringComparison.Ordinal);
        // An error has no message: h2load counts it as 200 too.
        Assert.Contains($"({Requests * answerBytes}) data", result.Output, StringComparison.Ordinal);
        pair.AssertHealthy();
    }

    private static async Task<int> OneAnswerBytesAsync(string url, byte[] message, string? appId)
    {
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, url)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(GrpcMessages.Framed(message)),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        request.Headers.TE.ParseAdd("trailers");
        if (appId is not null)
        {
            request.Headers.Add("dapr-app-id", appId);
        }

        using var answer = await client.SendAsync(request);
        var body = await answer.Content.ReadAsByteArrayAsync();
        Assert.Equal("0", Assert.Single(answer.TrailingHeaders.GetValues("grpc-status")));
        return body.Length;
    }
}
