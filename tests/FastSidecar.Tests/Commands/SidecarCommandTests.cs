using System.Text;
using System.Text.RegularExpressions;
using FastSidecar.Commands;
using FastSidecar.Configuration;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Commands;

public sealed class SidecarCommandTests
{
    private readonly MemoryStream _output = new();
    private readonly StringWriter _error = new();

    [Fact]
    public async Task OrderlyRun_BannerFirstAndLastLine()
    {
        var exitCode = await RunAsync(static (_, _, _, _) => Task.FromResult(0), "--app-id", "a");

        Assert.Equal(0, exitCode);
        Assert.Equal(
            [
                "info dapr.runtime \"Starting Dapr Runtime -- version 1.18.3 -- commit \"",
                "info dapr.runtime \"Log level set to: info\"",
                "info dapr.runtime \"Daprd shutdown gracefully\"",
            ],
            Lines());
    }

    [Fact]
    public async Task StartProblem_FatalLineInItsScope()
    {
        var exitCode = await RunAsync(
            static (_, _, _, _) => throw new SidecarStartException(
                new StartProblem("dapr.runtime.http", "listen tcp :1: bind: address already in use")),
            "--app-id", "a", "--log-level", "fatal");

        Assert.Equal(1, exitCode);
        Assert.Equal(["fatal dapr.runtime.http \"listen tcp :1: bind: address already in use\""], Lines());
    }

    [Fact]
    public async Task UnexpectedException_FatalLine()
    {
        var exitCode = await RunAsync(
            static (_, _, _, _) => throw new InvalidOperationException("broken"), "--app-id", "a", "--log-level", "fatal");

        Assert.Equal(1, exitCode);
        Assert.StartsWith(
            "fatal dapr.runtime \"Fatal error from runtime: System.InvalidOperationException: broken",
            Assert.Single(Lines()),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task NonZeroExit_NoOrderlyLastLine()
    {
        Assert.Equal(1, await RunAsync(static (_, _, _, _) => Task.FromResult(1), "--app-id", "a"));
        Assert.DoesNotContain(Lines(), static line => line.Contains("gracefully", StringComparison.Ordinal));
    }

    [Fact]
    public async Task IgnoredFlags_OneLineNamesThem()
    {
        await RunAsync(
            static (_, _, _, _) => Task.FromResult(0),
            "--app-id", "a", "--placement-host-address", "x:1", "--scheduler-host-address=", "--actors-service", "y");

        Assert.Contains(
            "info dapr.runtime \"Flags without effect in FastSidecar: --placement-host-address, --scheduler-host-address, --actors-service\"",
            Lines());
        Assert.Equal("Flag --actors-service has been deprecated, flag no longer has any effect\n", _error.ToString());
    }

    [Theory]
    [InlineData("--log-level loud --log-as-json", "\"level\":\"fatal\",\"msg\":\"invalid value for --log-level: loud\"")]
    [InlineData(
        "--log-file /nonexistent/x.log",
        "level=fatal msg=\"failed to open log file \\\"/nonexistent/x.log\\\": open /nonexistent/x.log: no such file or directory\" app_id=a")]
    [InlineData(
        "--max-body-size 4KB --log-as-json",
        "level=fatal msg=\"Failed to parse flags: invalid value for 'max-body-size' option: quantities must match")]
    public async Task BadOptionBeforeLog_FatalLineAndOne(string words, string expected)
    {
        var exitCode = await RunAsync(MustNotRun, ["--app-id", "a", .. words.Split(' ')]);

        Assert.Equal(1, exitCode);
        Assert.Contains(expected, Encoding.UTF8.GetString(_output.ToArray()), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "--version", "1.18.3\n")]
    [InlineData(false, "-version", $"FastSidecar {ProductVersion.Own} (Dapr 1.18.3)\n")]
    [InlineData(true, "--build-info", "Version: 1.18.3\nGit Commit: \nGit Version: \n")]
    public async Task Questions_AnsweredOnStandardOutput(bool asDaprd, string word, string expected)
    {
        Assert.Equal(0, await Command(MustNotRun).RunAsync([word], asDaprd).Within("answer"));
        Assert.Equal(expected, Encoding.UTF8.GetString(_output.ToArray()));
    }

    [Fact]
    public async Task LogFile_EverythingInIt()
    {
        var path = Path.GetTempFileName();
        await RunAsync(static (_, _, _, _) => Task.FromResult(0), "--app-id", "a", "--log-file", path);
        await RunAsync(static (_, _, _, _) => Task.FromResult(0), "--app-id", "a", "--log-file", path);

        var lines = await File.ReadAllLinesAsync(path);
        File.Delete(path);
        Assert.Equal(6, lines.Length);
        Assert.Empty(_output.ToArray());
    }

    [Fact]
    public void OwnVersion_TheProjects() =>
        Assert.Equal(ProductVersion.Own, typeof(SidecarCommand).Assembly.GetName().Version!.ToString(3));

    [Fact]
    public void Signals_FirstAsks_SecondEnds()
    {
        using var log = new Observability.LogRecorder(new());
        var exits = new List<int>();
        using var signals = new ShutdownSignals(log.Logging.CreateLogger("dapr.signals"), exits.Add);

        signals.Handle("terminated");
        Assert.True(signals.Requested.IsCancellationRequested);
        Assert.Empty(exits);
        signals.Handle("interrupt");

        Assert.Equal([1], exits);
        Assert.Matches("level=info msg=\"Received signal 'terminated'; beginning shutdown\"", log.Text);
        Assert.Matches("level=fatal msg=\"Received signal 'interrupt' during shutdown; exiting immediately\"", log.Text);
    }

    private static SidecarRun MustNotRun => static (_, _, _, _) => throw new InvalidOperationException("must not run");

    private Task<int> RunAsync(SidecarRun run, params string[] args) =>
        Command(run).RunAsync(args, asDaprd: true).Within("end of the command");

    private SidecarCommand Command(SidecarRun run) => new(
        new CommandContext
        {
            Environment = new EnvironmentVariables(new Dictionary<string, string>()),
            HostName = "h",
            StandardOutput = _output,
            StandardError = _error,
            IsTerminal = false,
            Time = TimeProvider.System,
        },
        run,
        static _ => Assert.Fail("no second signal here"));

    /// <summary>level, scope and message of each line.</summary>
    private List<string> Lines() => [.. Encoding.UTF8.GetString(_output.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(static line => Regex.Replace(line, "^time=\\S+ level=(\\S+) msg=(.*) app_id=a instance=h scope=(\\S+) .*$", "$1 $3 $2"))];
}
