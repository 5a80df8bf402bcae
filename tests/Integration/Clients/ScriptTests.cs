using FastSidecar.Integration.Samples;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>Clients of other languages, as scripts that print "ok" at their end: Node's http and http2, Python's http.client.</summary>
public sealed class ScriptTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "Integration", "Clients", "Scripts");

    [ToolTheory("node")]
    [InlineData("http1.js")]
    [InlineData("http2.js")]
    public Task Node_EverythingItDoes_IsServed(string script) => EndsWellAsync("node", script);

    [ToolFact("python3")]
    public Task Python_EverythingItDoes_IsServed() => EndsWellAsync("python3", "http_client.py");

    private async Task EndsWellAsync(string program, string script)
    {
        var result = await Tool.RunAsync(program, Path.Combine(Folder, script), $"{Pair.Caller.HttpPort}", Pair.Callee.AppId);

        Assert.True(result is { ExitCode: 0, Output: "ok\n" }, result.ToString());
    }
}
