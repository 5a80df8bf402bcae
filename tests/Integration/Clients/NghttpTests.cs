using System.Text.RegularExpressions;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Clients;

/// <summary>nghttp2's client and load generator on the HTTP API, with prior knowledge.</summary>
public sealed partial class NghttpTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    [ToolFact("nghttp")]
    public async Task Get_IsAnswered()
    {
        var result = await Tool.RunAsync("nghttp", "-v", Pair.UrlTo("echo?n=1"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(":status: 200", result.Output, StringComparison.Ordinal);
        Assert.Contains("x-target: /echo?n=1", result.Output, StringComparison.Ordinal);
    }

    [ToolFact("nghttp")]
    public async Task Post_WithTrailersAndPadding_ComesBackWhole()
    {
        using var file = RandomFile.Create(300_000);
        var result = await Tool.RunAsync(
            "sh", "-c", $"nghttp --padding=97 --trailer='x-sum: 1' -d {file.Path} -H':method: PUT' {Pair.UrlTo("echo")} > {file.Path}.back");

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.True(file.IsEqualTo(file.Path + ".back"));
    }

    [ToolFact("nghttp")]
    public async Task Post_OverTheLimit_IsRefusedWhileItIsUploaded()
    {
        using var file = RandomFile.Create((4 << 20) + 1);
        var result = await Tool.RunAsync("nghttp", "-v", "-d", file.Path, Pair.UrlTo("count"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains(":status: 500", result.Output, StringComparison.Ordinal);
        Assert.Contains("stream too large", result.Output, StringComparison.Ordinal);
        Assert.Contains("error_code=NO_ERROR", result.Output, StringComparison.Ordinal);
    }

    [ToolFact("nghttp")]
    public async Task ManyOnOneConnection_EachIsAnswered()
    {
        var result = await Tool.RunAsync("nghttp", "-n", "-m", "64", "--stat", Pair.UrlTo("echo"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Equal(64, StatusOk().Count(result.Output));
    }

    [ToolTheory("h2load")]
    [InlineData(1, 1)]
    [InlineData(4, 32)]
    [InlineData(2, 200)]
    public async Task Load_EveryAnswerIs2xx(int connections, int streams)
    {
        using var file = RandomFile.Create(1024);
        var result = await Tool.RunAsync("h2load", "-n", "2000", "-c", $"{connections}", "-m", $"{streams}", "-d", file.Path, Pair.UrlTo("echo"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("requests: 2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout", result.Output, StringComparison.Ordinal);
        Assert.Contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx", result.Output, StringComparison.Ordinal);
    }

    [ToolFact("h2load")]
    public async Task LoadOverHttp1_EveryAnswerIs2xx()
    {
        var result = await Tool.RunAsync("h2load", "--h1", "-n", "2000", "-c", "16", Pair.UrlTo("echo"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx", result.Output, StringComparison.Ordinal);
    }

    [ToolFact("h2load")]
    public async Task LoadOfLargeAnswers_EveryByteComes()
    {
        const int Answers = 200;
        const int Bytes = 300_000;
        var result = await Tool.RunAsync("h2load", "-n", $"{Answers}", "-c", "2", "-m", "50", Pair.UrlTo($"produce?bytes={Bytes}"));

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.Contains($"({Answers * Bytes}) data", result.Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"^ *\d+ .* 200 ", RegexOptions.Multiline)]
    private static partial Regex StatusOk();
}
