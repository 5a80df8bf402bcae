using FastSidecar.Configuration;

namespace FastSidecar.Commands;

/// <summary>The world around a command: all that it may read from and write to.</summary>
internal sealed record CommandContext
{
    public required EnvironmentVariables Environment { get; init; }

    /// <summary>The full host name.</summary>
    public required string HostName { get; init; }

    /// <summary>For the log, which closes it, and for what a command prints.</summary>
    public required Stream StandardOutput { get; init; }

    public required TextWriter StandardError { get; init; }

    /// <summary>Standard output is a terminal.</summary>
    public required bool IsTerminal { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>The world of this process.</summary>
    public static CommandContext OfProcess() => new()
    {
        Environment = EnvironmentVariables.Read(),
        // Environment.MachineName would cut the name at its first dot.
        HostName = System.Net.Dns.GetHostName(),
        StandardOutput = Console.OpenStandardOutput(),
        StandardError = Console.Error,
        IsTerminal = !Console.IsOutputRedirected,
        Time = TimeProvider.System,
    };
}
