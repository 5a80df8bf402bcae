using FastSidecar.Commands.Bench;
using FastSidecar.Configuration.Flags;
using Xunit;

namespace FastSidecar.Tests.Commands.Bench;

public sealed class BenchFlagsTests
{
    [Fact]
    public void NoFlags_Defaults()
    {
        var options = Read("", out _)!;

        Assert.Equal((1000, 16, 1024, 1, 10), (options.Rate, options.Connections, options.SizeBytes, options.RunTime.TotalSeconds, options.Blocks));
        Assert.Equal((TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero), (options.MaxAddedP50, options.MaxAddedP99, options.MaxCpu));
        Assert.False(options.Json);
    }

    [Fact]
    public void EveryFlag_IsRead()
    {
        var options = Read(
            "--rate 200 --connections 4 --size 2Ki --seconds 0.25 --blocks 3 --max-added-p50 500us --max-added-p99 1.5ms --max-cpu 100us --json", out _)!;

        Assert.Equal((200, 4, 2048, 0.25, 3), (options.Rate, options.Connections, options.SizeBytes, options.RunTime.TotalSeconds, options.Blocks));
        Assert.Equal((500, 1500, 100), (options.MaxAddedP50.TotalMicroseconds, options.MaxAddedP99.TotalMicroseconds, options.MaxCpu.TotalMicroseconds));
        Assert.True(options.Json);
    }

    [Theory]
    [InlineData("--rate 0", "--rate is 0, but must lie between 1 and 100000")]
    [InlineData("--connections 257", "--connections is 257, but must lie between 1 and 256")]
    [InlineData("--size 2Mi", "--size is 2097152, but must lie between 0 and 1048576")]
    [InlineData("--size big", "--size: quantities must match")]
    [InlineData("--seconds 0", "--seconds is 0, but must lie above 0")]
    [InlineData("--seconds 1s", "not a number of seconds")]
    [InlineData("--seconds 0.1 --rate 5", "make 0.5 requests in a run")]
    [InlineData("--blocks -1", "--blocks is -1")]
    [InlineData("--max-added-p99 -1ms", "--max-added-p99 must not be below 0")]
    [InlineData("--max-added-p99 1", "missing unit in duration")]
    [InlineData("more", "unknown argument \"more\"")]
    [InlineData("--what", "unknown flag: --what")]
    public void WhatCannotBeMeasured_IsRefusedWithAReason(string words, string reason)
    {
        Assert.Null(Read(words, out var explanation));

        Assert.Contains(reason, explanation, StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralProblems_AllAreNamed()
    {
        Assert.Null(Read("--rate 0 --blocks 0", out var explanation));

        Assert.Contains("--rate is 0", explanation, StringComparison.Ordinal);
        Assert.Contains("--blocks is 0", explanation, StringComparison.Ordinal);
    }

    private static BenchOptions? Read(string words, out string explanation)
    {
        var writer = new StringWriter();
        var options = new BenchFlags().Read(words.Split(' ', StringSplitOptions.RemoveEmptyEntries), writer, out var result);
        Assert.Equal(options is null ? FlagReadResult.Error : FlagReadResult.Ok, result);
        explanation = writer.ToString();
        return options;
    }
}
