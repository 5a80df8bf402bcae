using System.Text.Json;
using FastSidecar.Resolution;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Resolution;

/// <summary>What daprd answers with each format (fixtures/runtime/resolver-nameformat.json).</summary>
public sealed class NameFormatResolverTests
{
    private readonly FakeTimeProvider _time = new();

    public static TheoryData<string> Recorded { get; } = [.. RecordedCases.Read("resolver-nameformat.json").Select(RecordedCases.Name)];

    [Theory]
    [MemberData(nameof(Recorded))]
    public async Task RecordedFormat_GivesTheSameAddressOrError(string name)
    {
        var recorded = RecordedCases.Read("resolver-nameformat.json").Single(item => item.Name() == name);
        var format = recorded.GetProperty("config").GetString()!.Split("format: \"")[1].Split('"')[0].Replace("{{CALLEE_INTERNAL_PORT}}", "50123", StringComparison.Ordinal);
        var target = recorded.GetProperty("target").GetString()!.Split('.');
        var resolver = new NameFormatResolver(format, _time);

        var startLog = recorded.GetProperty("start_log")[0].GetString()!;
        var cause = startLog.StartsWith("error", StringComparison.Ordinal) ? startLog.Split("nr (nameformat/v1): ")[1] : null;
        Assert.Equal(cause, resolver.InitError);

        var resolving = resolver.ResolveAsync(new ResolveRequest(target[0], target.Length > 1 ? target[1] : "default", 1), default).AsTask();
        if (cause is not null)
        {
            await _time.WaitForTimersAsync(1);
            _time.Advance(TimeSpan.FromMilliseconds(499));
            Assert.False(resolving.IsCompleted);
            _time.Advance(TimeSpan.FromMilliseconds(1));
            Assert.EndsWith($"err: {(await resolving.Within("the error")).Error}\"}}", Answer(recorded), StringComparison.Ordinal);
            return;
        }

        var address = Assert.Single((await resolving.Within("the address")).Addresses);
        if (recorded.GetProperty("result").GetProperty("status").GetInt32() == 200)
        {
            Assert.Equal("127.0.0.1:50123", address);
        }
        else
        {
            // The address that daprd failed to dial is in its error text, with or without the port.
            Assert.Contains(address.Split(':')[0], Answer(recorded), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(null, "format is required in metadata")]
    [InlineData("", "format is required in metadata")]
    [InlineData("x:1", "format must contain {appid} placeholder")]
    [InlineData("{appid}:1", null)]
    public void Format_IsChecked(string? format, string? error) => Assert.Equal(error, NameFormatResolver.Validate(format));

    [Fact]
    public async Task EmptyId_IsRefused() =>
        Assert.Equal("empty ID not allowed", (await new NameFormatResolver("{appid}:1", _time).ResolveAsync(new ResolveRequest("", "default", 1), default)).Error);

    private static string Answer(JsonElement recorded) => recorded.GetProperty("result").GetProperty("body").GetProperty("text").GetString()!;
}
