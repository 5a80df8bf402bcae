using FastSidecar.Configuration.Flags;

namespace FastSidecar.Configuration;

/// <summary>The sidecar's command line.</summary>
internal static class CommandLine
{
    /// <summary>
    /// Reads what <c>daprd</c>, or <c>fastsidecar</c> without a subcommand, was started with. Usage and flag errors go to
    /// <paramref name="error"/>.
    /// </summary>
    public static CommandLineResult Read(
        IReadOnlyList<string> args, EnvironmentVariables environment, string hostName, bool asDaprd, TextWriter error)
    {
        var flags = new DaprdFlags(asDaprd ? "daprd" : "fastsidecar", listOwnFlags: !asDaprd);
        var read = flags.Set.Read(DoubleDashes(args), error);
        if (read != FlagReadResult.Ok)
        {
            return new CommandLineResult { Action = CommandLineAction.Exit, ExitCode = read == FlagReadResult.Help ? 0 : 2 };
        }

        if (!SidecarOptionsReader.TryRead(flags, environment, hostName, out var options, out var problem))
        {
            return new CommandLineResult { Action = CommandLineAction.Fail, Problem = $"Failed to parse flags: {problem}", ExitCode = 1 };
        }

        return new CommandLineResult
        {
            Action = flags.Version.Value ? CommandLineAction.PrintVersion
                : flags.BuildInfo.Value ? CommandLineAction.PrintBuildInfo
                : flags.Wait.Value ? CommandLineAction.Wait
                : CommandLineAction.Run,
            Options = options,
            HttpPortText = flags.HttpPort.Value,
        };
    }

    /// <summary>
    /// <c>-app-id x</c> is accepted: a word that starts with one dash and is longer than two characters gets a second one, be it a flag or
    /// a value, exactly as daprd does it.
    /// </summary>
    private static List<string> DoubleDashes(IReadOnlyList<string> args) =>
        [.. args.Select(static word => word is ['-', not '-', _, ..] ? $"-{word}" : word)];
}

/// <summary>What the command line asks for.</summary>
internal sealed record CommandLineResult
{
    public required CommandLineAction Action { get; init; }

    /// <summary>There for every action but <see cref="CommandLineAction.Exit"/> and <see cref="CommandLineAction.Fail"/>.</summary>
    public SidecarOptions? Options { get; init; }

    /// <summary>
    /// The fatal log line of <see cref="CommandLineAction.Fail"/>, scope <c>dapr.runtime</c>; no log option applies to it.
    /// </summary>
    public string Problem { get; init; } = "";

    public int ExitCode { get; init; }

    /// <summary>The HTTP port as given: <c>--wait</c> puts it into its URL unread.</summary>
    public string HttpPortText { get; init; } = "";
}

internal enum CommandLineAction
{
    /// <summary>Everything was said on standard error: end with <see cref="CommandLineResult.ExitCode"/>.</summary>
    Exit,

    /// <summary>Log <see cref="CommandLineResult.Problem"/>, then end with 1.</summary>
    Fail,
    PrintVersion,
    PrintBuildInfo,
    Wait,
    Run,
}
