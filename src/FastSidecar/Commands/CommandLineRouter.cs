namespace FastSidecar.Commands;

/// <summary>What the program was started for.</summary>
internal enum ProgramRole
{
    Sidecar,
    Run,
    Demo,
    Bench,

    /// <summary>Not for people: becomes the program that <c>run</c> starts.</summary>
    Exec,

    /// <summary>Nothing to do but print <see cref="Route.Message"/> and end with <see cref="Route.ExitCode"/>.</summary>
    Explain,
}

/// <summary>The role and the words that are left for it.</summary>
internal sealed record Route(ProgramRole Role, IReadOnlyList<string> Args)
{
    /// <summary>The sidecar shows itself as daprd: usage, version.</summary>
    public bool AsDaprd { get; init; }

    public string Message { get; init; } = "";

    public int ExitCode { get; init; } = 1;
}

/// <summary>
/// Chooses the role: by the name the program was started under, so that a symlink is enough for a drop-in; under any name but Dapr's by the
/// first word.
/// </summary>
internal static class CommandLineRouter
{
    public const string ExecWord = "exec-in-own-group";

    private const string Commands = """
        fastsidecar [flags]         the sidecar; takes daprd's flags, --help lists them
        fastsidecar run [flags] -- command …
                                    starts an app and its sidecar
        fastsidecar demo            starts two apps with their sidecars and calls one from the other
        fastsidecar bench [flags]   measures what two sidecars cost on this machine; --help lists its flags
        fastsidecar --version       prints the version and the Dapr version it stands for
        """;

    /// <param name="programName">argv[0]; a path is cut to its last part.</param>
    /// <param name="args">The words behind it.</param>
    public static Route Choose(string programName, IReadOnlyList<string> args)
    {
        switch (Path.GetFileName(programName))
        {
            case "daprd":
                return new Route(ProgramRole.Sidecar, args) { AsDaprd = true };
            case ("sentry" or "injector") and var name:
                return NotYet(name);
            default:
                return ChooseByWord(args);
        }
    }

    private static Route ChooseByWord(IReadOnlyList<string> args)
    {
        if (args.Count == 0 || args[0].StartsWith('-'))
        {
            return new Route(ProgramRole.Sidecar, args);
        }

        IReadOnlyList<string> rest = [.. args.Skip(1)];
        return args[0] switch
        {
            "run" => new Route(ProgramRole.Run, rest),
            "demo" => new Route(ProgramRole.Demo, rest),
            "bench" => new Route(ProgramRole.Bench, rest),
            ExecWord => new Route(ProgramRole.Exec, rest),
            "help" => new Route(ProgramRole.Explain, rest) { Message = Commands, ExitCode = 0 },
            ("sentry" or "injector") and var name => NotYet(name),
            var word => new Route(ProgramRole.Explain, rest) { Message = $"unknown command \"{word}\"; there are:\n{Commands}" },
        };
    }

    private static Route NotYet(string role) =>
        new(ProgramRole.Explain, []) { Message = $"{role}: this version of FastSidecar has no {role}; use Dapr's" };
}
