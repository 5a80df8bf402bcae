namespace FastSidecar.Commands;

/// <summary>
/// Becomes another program, as leader of a process group of its own. <c>run</c> starts its children through it: a Ctrl-C in the terminal
/// then reaches only <c>run</c>, and all that an app starts can be ended together. .NET's Process cannot make a group.
/// </summary>
internal static class ExecCommand
{
    private const int CannotRun = 126;
    private const int NotFound = 127;

    /// <summary>Returns, with a shell's exit code, only when the program could not be started.</summary>
    public static int Run(IReadOnlyList<string> words, TextWriter error)
    {
        if (words.Count == 0)
        {
            error.Write("no command\n");
            return CannotRun;
        }

        NativeProcess.LeadOwnGroup();
        NativeProcess.RestoreSigPipe();
        var reason = NativeProcess.Become(words);
        if (reason == NativeProcess.NoSuchFile)
        {
            error.Write($"{words[0]}: command not found\n");
            return NotFound;
        }

        error.Write($"{words[0]}: cannot be run (errno {reason})\n");
        return CannotRun;
    }
}
