using System.Globalization;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>curl, in all three forms of a call and with what it can do to a body.</summary>
public sealed class CurlTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    private const string Body = "{\"item\":\"book\"}";
    private static readonly string[] Versions = ["--http1.0", "--http1.1", "--http2", "--http2-prior-knowledge"];

    public static TheoryData<string, string> MethodsAndVersions
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var method in (string[])["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
            {
                foreach (var version in Versions)
                {
                    data.Add(method, version);
                }
            }

            return data;
        }
    }

    public static TheoryData<string> AllVersions { get; } = [.. Versions];

    [ToolTheory("curl")]
    [MemberData(nameof(MethodsAndVersions))]
    public async Task PathForm_EveryMethodAndVersion_ReachesTheAppAsSent(string method, string version)
    {
        var answer = await CurlAsync(version, "-X", method, "-H", "Content-Type: application/json", "--data-binary", Body, Pair.UrlTo("echo?a=1&b=%20"));

        Assert.Equal(200, answer.Status);
        Assert.Equal(Body, answer.Body);
        Assert.Contains("content-type: application/json", answer.Head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"x-method: {method}", answer.Head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("x-target: /echo?a=1&b=%20", answer.Head, StringComparison.OrdinalIgnoreCase);
        Assert.Contains($"x-caller: {Pair.Caller.AppId}", answer.Head, StringComparison.OrdinalIgnoreCase);
    }

    [ToolTheory("curl")]
    [MemberData(nameof(AllVersions))]
    public async Task HeaderForm_ReachesTheApp(string version)
    {
        var answer = await CurlAsync(version, "-H", $"dapr-app-id: {Pair.Callee.AppId}", "-d", Body, $"http://127.0.0.1:{Pair.Caller.HttpPort}/echo?x=1");

        Assert.Equal(200, answer.Status);
        Assert.Equal(Body, answer.Body);
        Assert.Contains("x-target: /echo?x=1", answer.Head, StringComparison.OrdinalIgnoreCase);
    }

    [ToolTheory("curl")]
    [MemberData(nameof(AllVersions))]
    public async Task BasicAuthorizationForm_ReachesTheApp(string version)
    {
        var answer = await CurlAsync(version, "-d", Body, $"http://dapr-app-id:{Pair.Callee.AppId}@127.0.0.1:{Pair.Caller.HttpPort}/echo");

        Assert.Equal(200, answer.Status);
        Assert.Equal(Body, answer.Body);
    }

    [ToolTheory("curl")]
    [MemberData(nameof(AllVersions))]
    public async Task Head_HasNoBody(string version)
    {
        var answer = await CurlAsync(version, "--head", Pair.UrlTo("echo"));

        Assert.Equal(200, answer.Status);
        Assert.Contains("x-method: HEAD", answer.Head, StringComparison.OrdinalIgnoreCase);
    }

    [ToolTheory("curl")]
    [InlineData("--http1.1")]
    [InlineData("--http2-prior-knowledge")]
    public async Task Upload_OfUnknownLength_ComesBackWhole(string version)
    {
        using var file = RandomFile.Create(3_000_000);
        var answer = await CurlAsync(version, "-X", "POST", "-H", "Transfer-Encoding: chunked", "--data-binary", $"@{file.Path}", "-o", file.Path + ".back", Pair.UrlTo("echo"));

        Assert.Equal(200, answer.Status);
        Assert.True(file.IsEqualTo(file.Path + ".back"));
    }

    [ToolFact("curl")]
    public async Task Upload_WithExpect_WaitsForTheContinueAndGetsIt()
    {
        using var file = RandomFile.Create(2_000_000);

        // curl would send the body without a 100 after its timeout, which is beyond the limit of the test.
        var result = await Tool.RunAsync(
            "curl", "-sS", "-v", "-o", file.Path + ".back", "-H", "Expect: 100-continue", "--expect100-timeout", "60", "--data-binary", $"@{file.Path}", Pair.UrlTo("echo"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("< HTTP/1.1 100 Continue", result.Errors, StringComparison.Ordinal);
        Assert.Contains("< HTTP/1.1 200 OK", result.Errors, StringComparison.Ordinal);
        Assert.True(file.IsEqualTo(file.Path + ".back"));
    }

    [ToolFact("curl")]
    public async Task Upload_OverTheLimit_IsRefused()
    {
        using var file = RandomFile.Create((4 << 20) + 1);
        var answer = await CurlAsync("--http1.1", "-H", "Expect:", "--data-binary", $"@{file.Path}", Pair.UrlTo("count"));

        Assert.Equal(500, answer.Status);
        Assert.Contains("stream too large", answer.Body, StringComparison.Ordinal);
    }

    /// <summary>HTTP/1.1 only: curl 7.88 cannot use a connection with prior knowledge twice, whoever serves it.</summary>
    [ToolFact("curl")]
    public async Task SeveralCalls_ShareOneConnection()
    {
        var url = Pair.UrlTo("echo");
        var result = await Tool.RunAsync("curl", "-sS", "--http1.1", "-o", "/dev/null", "-o", "/dev/null", "-o", "/dev/null", "-w", "%{http_code} %{num_connects}\n", "-d", Body, url, url, url);

        Assert.Equal("200 1\n200 0\n200 0\n", result.Output);
    }

    [ToolTheory("curl")]
    [InlineData(204)]
    [InlineData(304)]
    [InlineData(404)]
    [InlineData(503)]
    public async Task Status_OfTheApp_IsTheClients(int status)
    {
        var answer = await CurlAsync("--http1.1", Pair.UrlTo($"status?code={status}"));

        Assert.Equal(status, answer.Status);
    }

    private static async Task<(int Status, string Head, string Body)> CurlAsync(params string[] arguments)
    {
        var result = await Tool.RunAsync("curl", ["-sS", "-D", "/dev/stderr", "-w", "\n%{http_code}", .. arguments]);
        Assert.True(result.ExitCode == 0, result.ToString());
        var at = result.Output.LastIndexOf('\n');
        return (int.Parse(result.Output.AsSpan(at + 1), CultureInfo.InvariantCulture), result.Errors, result.Output[..at]);
    }
}
