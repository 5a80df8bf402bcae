using FastSidecar.Commands;
using Xunit;

namespace FastSidecar.Tests.Commands;

public sealed class CommandLineRouterTests
{
    [Theory]
    [InlineData("daprd", "--app-id a", nameof(ProgramRole.Sidecar), true, "--app-id a")]
    [InlineData("/usr/bin/daprd", "run", nameof(ProgramRole.Sidecar), true, "run")]
    [InlineData("./fastsidecar", "", nameof(ProgramRole.Sidecar), false, "")]
    [InlineData("fastsidecar", "-app-id a", nameof(ProgramRole.Sidecar), false, "-app-id a")]
    [InlineData("something-else", "--version", nameof(ProgramRole.Sidecar), false, "--version")]
    [InlineData("fastsidecar", "run --app-id a -- x", nameof(ProgramRole.Run), false, "--app-id a -- x")]
    [InlineData("fastsidecar", "demo", nameof(ProgramRole.Demo), false, "")]
    [InlineData("fastsidecar", "bench --rate 5", nameof(ProgramRole.Bench), false, "--rate 5")]
    [InlineData("fastsidecar", "exec-in-own-group a b", nameof(ProgramRole.Exec), false, "a b")]
    public void Words_Role(string name, string words, string role, bool asDaprd, string rest)
    {
        var route = CommandLineRouter.Choose(name, words.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal((role, asDaprd, rest), (route.Role.ToString(), route.AsDaprd, string.Join(' ', route.Args)));
    }

    [Theory]
    [InlineData("sentry", "", "sentry: this version of FastSidecar has no sentry; use Dapr's", 1)]
    [InlineData("/bin/injector", "--x", "injector: this version of FastSidecar has no injector; use Dapr's", 1)]
    [InlineData("fastsidecar", "sentry", "sentry: this version of FastSidecar has no sentry; use Dapr's", 1)]
    [InlineData("fastsidecar", "dance", "unknown command \"dance\"; there are:", 1)]
    [InlineData("fastsidecar", "help", "fastsidecar [flags] ", 0)]
    public void NothingToRun_Explained(string name, string words, string message, int exitCode)
    {
        var route = CommandLineRouter.Choose(name, words.Split(' ', StringSplitOptions.RemoveEmptyEntries));

        Assert.Equal(ProgramRole.Explain, route.Role);
        Assert.StartsWith(message, route.Message, StringComparison.Ordinal);
        Assert.Equal(exitCode, route.ExitCode);
    }
}
