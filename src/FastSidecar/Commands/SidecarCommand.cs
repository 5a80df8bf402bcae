using FastSidecar.Configuration;
using FastSidecar.Observability.Logging;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Commands;

/// <summary>
/// The sidecar from its first word to its exit code: flags, log, signals, the run, the last line (dapr cmd/daprd/app/app.go).
/// </summary>
/// <param name="context">The world around.</param>
/// <param name="run">Constructs, runs and takes down the sidecar; gives the exit code.</param>
/// <param name="exit">Ends the process at once, on a second signal.</param>
internal sealed partial class SidecarCommand(CommandContext context, SidecarRun run, Action<int> exit)
{
    private const string RuntimeScope = StartProblem.RuntimeScope;

    public async Task<int> RunAsync(IReadOnlyList<string> args, bool asDaprd)
    {
        var commandLine = CommandLine.Read(args, context.Environment, context.HostName, asDaprd, context.StandardError);
        switch (commandLine.Action)
        {
            case CommandLineAction.Exit:
                return commandLine.ExitCode;
            case CommandLineAction.Fail:
                return FailWithoutOptions(commandLine.Problem);
            case CommandLineAction.PrintVersion:
                return Print(asDaprd ? $"{ProductVersion.Dapr}\n" : $"FastSidecar {ProductVersion.Own} (Dapr {ProductVersion.Dapr})\n");
            case CommandLineAction.PrintBuildInfo:
                return Print($"Version: {ProductVersion.Dapr}\nGit Commit: \nGit Version: \n");
            case CommandLineAction.Wait:
                await new OutboundWait(commandLine.HttpPortText, context.Time, context.StandardError).RunAsync();
                return 0;
            default:
                return await RunAsync(commandLine.Options!);
        }
    }

    private async Task<int> RunAsync(SidecarOptions options)
    {
        if (!TryOpenLog(options, out var logging))
        {
            return 1;
        }

        using (logging)
        {
            var log = logging.CreateLogger(RuntimeScope);
            Log.Starting(log, ProductVersion.Dapr, "");
            Log.Level(log, options.LogLevelText);
            if (options.IgnoredFlags.Length > 0)
            {
                Log.IgnoredFlags(log, string.Join(", ", options.IgnoredFlags));
            }

            using var signals = new ShutdownSignals(logging.CreateLogger("dapr.signals"), exit);
            return await RunAsync(options, logging, log, signals.Requested);
        }
    }

    private async Task<int> RunAsync(SidecarOptions options, DaprLogging logging, ILogger log, CancellationToken shutdown)
    {
        try
        {
            var exitCode = await run(options, context.Environment, logging, shutdown);
            if (exitCode == 0)
            {
                Log.Ended(log);
            }

            return exitCode;
        }
        catch (SidecarStartException e)
        {
            Log.Fatal(logging.CreateLogger(e.Problem.Scope), e.Problem.Message);
            return 1;
        }
        catch (OperationCanceledException) when (shutdown.IsCancellationRequested)
        {
            // A signal while it was still starting.
            Log.Ended(log);
            return 0;
        }
        catch (Exception e)
        {
            // The root of the process: whatever it is, the log has to say it.
            Log.Fatal(log, StartProblem.OfRuntime(e.ToString()).Message);
            return 1;
        }
    }

    /// <summary>Says why not, in the form that was asked for where it is known.</summary>
    private bool TryOpenLog(SidecarOptions options, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DaprLogging? logging)
    {
        logging = null;
        var logOptions = options.Logging with { ForTerminal = context.IsTerminal && options.Logging.File.Length == 0 };
        if (!LoggingOptions.TryParseLevel(options.LogLevelText, out _))
        {
            WriteFatal(logOptions, $"invalid value for --log-level: {options.LogLevelText}");
            return false;
        }

        if (!LogOutput.TryOpen(logOptions, context.StandardOutput, out var output, out var problem))
        {
            WriteFatal(logOptions, problem);
            return false;
        }

        logging = new DaprLogging(logOptions, output, context.Time);
        return true;
    }

    private int FailWithoutOptions(string problem)
    {
        WriteFatal(
            new LoggingOptions { Instance = context.HostName, Version = ProductVersion.Dapr, ForTerminal = context.IsTerminal }, problem);
        return 1;
    }

    private void WriteFatal(LoggingOptions options, string problem)
    {
        using var logging = new DaprLogging(options with { Level = LogLevel.Information }, context.StandardOutput, context.Time);
        Log.Fatal(logging.CreateLogger(RuntimeScope), problem);
    }

    private int Print(string text)
    {
        context.StandardOutput.Write(System.Text.Encoding.UTF8.GetBytes(text));
        context.StandardOutput.Flush();
        return 0;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Starting Dapr Runtime -- version {Version} -- commit {Commit}")]
        public static partial void Starting(ILogger logger, string version, string commit);

        [LoggerMessage(Level = LogLevel.Information, Message = "Log level set to: {LevelText}")]
        public static partial void Level(ILogger logger, string levelText);

        [LoggerMessage(Level = LogLevel.Information, Message = "Flags without effect in FastSidecar: {Flags}")]
        public static partial void IgnoredFlags(ILogger logger, string flags);

        [LoggerMessage(Level = LogLevel.Information, Message = "Daprd shutdown gracefully")]
        public static partial void Ended(ILogger logger);

        [LoggerMessage(Level = LogLevel.Critical, Message = "{Reason}")]
        public static partial void Fatal(ILogger logger, string reason);
    }
}

/// <summary>
/// Runs a sidecar until it ends by itself or <paramref name="shutdown"/> asks for it, and takes it down. Gives the exit code; 0 makes the
/// last line of the log say that the end was orderly. Throws <see cref="SidecarStartException"/> when it cannot start.
/// </summary>
internal delegate Task<int> SidecarRun(
    SidecarOptions options, EnvironmentVariables environment, DaprLogging logging, CancellationToken shutdown);
