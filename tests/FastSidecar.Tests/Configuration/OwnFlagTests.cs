using FastSidecar.Configuration;
using Xunit;

namespace FastSidecar.Tests.Configuration;

/// <summary>Flags that daprd does not have.</summary>
public sealed class OwnFlagTests
{
    [Theory]
    [InlineData("", 65536)]
    [InlineData("--replay-buffer-size 0", 0)]
    [InlineData("--replay-buffer-size=1Mi", 1 << 20)]
    [InlineData("-replay-buffer-size 64Mi", 64 << 20)]
    public void ReplayBufferSize_Read(string words, int expected)
    {
        var read = Read(words, asDaprd: true, out var error);

        Assert.Equal("", error);
        Assert.Equal(expected, read.Options!.ReplayBufferBytes);
    }

    [Theory]
    [InlineData("4KB", "invalid value for 'replay-buffer-size' option: quantities must match the regular expression ")]
    [InlineData("-1", "invalid value for 'replay-buffer-size' option: must be between 0 and 64Mi, got -1")]
    [InlineData("65Mi", "invalid value for 'replay-buffer-size' option: must be between 0 and 64Mi, got 65Mi")]
    public void ReplayBufferSize_RefusedWithItsName(string value, string reason)
    {
        var read = Read($"--replay-buffer-size {value}", asDaprd: true, out _);

        Assert.Equal((CommandLineAction.Fail, 1), (read.Action, read.ExitCode));
        Assert.StartsWith("Failed to parse flags: " + reason, read.Problem, StringComparison.Ordinal);
    }

    /// <summary>As daprd the usage is the recorded one.</summary>
    [Theory]
    [InlineData("--replay-buffer-size")]
    [InlineData("--mdns-interface")]
    public void Help_ListsThemUnderOurNameOnly(string flag)
    {
        Read("--help", asDaprd: false, out var ours);
        Read("--help", asDaprd: true, out var daprds);

        Assert.Contains(flag, ours, StringComparison.Ordinal);
        Assert.DoesNotContain(flag, daprds, StringComparison.Ordinal);
    }

    private static CommandLineResult Read(string words, bool asDaprd, out string error)
    {
        var written = new StringWriter();
        var none = new EnvironmentVariables(new Dictionary<string, string>());
        var read = CommandLine.Read(words.Split(' ', StringSplitOptions.RemoveEmptyEntries), none, "host", asDaprd, written);
        error = written.ToString();
        return read;
    }
}
