using System.Text.Json;
using System.Text.RegularExpressions;
using FastSidecar.Configuration;
using FastSidecar.Observability.Logging;
using Xunit;

namespace FastSidecar.Tests.Configuration;

/// <summary>Every recorded command line of daprd whose outcome is decided before anything listens.</summary>
public sealed partial class RecordedCommandLineTests
{
    private const string File = "runtime/cli.json";

    public static TheoryData<string> AllCases => Fixture.Names(File, static c => c.TryGetProperty("args", out _));

    [Theory]
    [MemberData(nameof(AllCases))]
    public void RecordedArguments_SameDecision(string name)
    {
        var recorded = Fixture.Case(File, name);
        var error = new StringWriter();
        var result = CommandLine.Read(Args(recorded), NoEnvironment, "host", asDaprd: true, error);

        Assert.Equal(RecordedStderr(recorded), Reduce(error.ToString()));
        var fatal = recorded.Texts("stdout_log").Where(static line => line.StartsWith("fatal ", StringComparison.Ordinal)).ToList();
        if (recorded.TryGetProperty("stdout", out var stdout) && result.Action is not CommandLineAction.Run)
        {
            Assert.Equal(stdout.GetString(), Printed(result));
            Assert.Equal(recorded.GetProperty("ended").GetProperty("exit_code").GetInt32(), result.ExitCode);
        }
        else
        {
            Assert.Equal(fatal.Where(IsDecidedByOptions), Problem(result));
        }
    }

    [Fact]
    public void LogFileInMissingFolder_RecordedReason()
    {
        var recorded = Fixture.Case(File, "log-file-bad-folder").GetProperty("stdout").GetString()!;
        var folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        var options = new LoggingOptions { File = Path.Combine(folder, "no/out.log") };

        var opened = LogOutput.TryOpen(options, Stream.Null, out _, out var problem);

        Assert.False(opened);
        Assert.Contains(GoQuote.Quote(problem!.Replace(folder, "{{TMP}}", StringComparison.Ordinal)), recorded, StringComparison.Ordinal);
    }

    private static EnvironmentVariables NoEnvironment => new(new Dictionary<string, string>());

    private static List<string> Args(JsonElement recorded) =>
        [.. recorded.Texts("args").Select(static arg => Placeholder().Replace(arg, static m => Value(m.Value)))];

    /// <summary>The same port for the same placeholder.</summary>
    private static string Value(string placeholder) => placeholder == "{{TMP}}" ? "/tmp/x" : $"2{placeholder.Length + 5000}";

    /// <summary>What fails later: listening, certificates, files.</summary>
    private static bool IsDecidedByOptions(string line) =>
        !(line.Contains("could not listen", StringComparison.Ordinal) || line.Contains("address already in use", StringComparison.Ordinal)
        || line.Contains("trust anchors", StringComparison.Ordinal) || line.Contains("bind: no such file", StringComparison.Ordinal)
        || line.Contains("Kubernetes environments", StringComparison.Ordinal)
        || line.Contains("watcher", StringComparison.Ordinal) || line.Contains("loading configuration", StringComparison.Ordinal));

    private static IEnumerable<string> Problem(CommandLineResult result)
    {
        if (result.Action == CommandLineAction.Fail)
        {
            return [$"fatal dapr.runtime | {result.Problem}"];
        }

        if (!LoggingOptions.TryParseLevel(result.Options!.LogLevelText, out _))
        {
            return [$"fatal dapr.runtime | invalid value for --log-level: {result.Options.LogLevelText}"];
        }

        return result.Options.Validate().Concat(result.Options.ValidateAfterConfiguration()).Take(1)
            .Select(static problem => $"fatal {problem.Scope} | {problem.Message}");
    }

    private static string Printed(CommandLineResult result) => result.Action switch
    {
        CommandLineAction.PrintVersion => ProductVersion.Dapr + "\n",
        CommandLineAction.PrintBuildInfo => $"Version: {ProductVersion.Dapr}\nGit Commit: \nGit Version: \n",
        _ => "",
    };

    private static string RecordedStderr(JsonElement recorded) => recorded.GetProperty("stderr").GetString()!;

    /// <summary>The fixture keeps of a usage line the flag, its type and its default.</summary>
    private static string Reduce(string text) => UsageLine().Replace(text, static m => $"{m.Groups[1].Value}   …{m.Groups[2].Value}");

    [GeneratedRegex(@"\{\{[A-Z_]+\}\}")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"^(      --\S+(?: \w+)?)   +\S.*?((?: \(default [^)]*\)\.?)*)$", RegexOptions.Multiline)]
    private static partial Regex UsageLine();
}
