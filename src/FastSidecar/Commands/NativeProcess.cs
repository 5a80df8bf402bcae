using System.Runtime.InteropServices;

namespace FastSidecar.Commands;

/// <summary>POSIX calls that the framework has no method for.</summary>
internal static partial class NativeProcess
{
    public const int SigKill = 9;
    public const int SigPipe = 13;
    public const int SigTerm = 15;

    /// <summary>Only asks whether there is somebody to signal.</summary>
    public const int NoSignal = 0;

    public const int NoSuchFile = 2;

    private const nint DefaultAction = 0;

    /// <summary>Signals every process of a group; false when there is none left.</summary>
    public static bool SignalGroup(int groupId, int signal) => Kill(-groupId, signal) == 0;

    public static bool SignalProcess(int processId, int signal) => Kill(processId, signal) == 0;

    /// <summary>Makes this process the leader of a group of its own.</summary>
    public static void LeadOwnGroup() => SetProcessGroup(0, 0);

    /// <summary>The runtime ignores SIGPIPE, and a program that is exec'ed would inherit that.</summary>
    public static void RestoreSigPipe() => Signal(SigPipe, DefaultAction);

    /// <summary>Becomes <paramref name="words"/>[0], looked up in PATH; returns errno when it cannot.</summary>
    public static int Become(IReadOnlyList<string> words)
    {
        Exec(words[0], [.. words, null]);
        return Marshal.GetLastPInvokeError();
    }

    /// <summary>
    /// Nanoseconds that all threads of a process have run so far, ended ones as well; -1 when it has ended. The clock's number is
    /// made of the process's id (clock_getcpuclockid(3)).
    /// </summary>
    public static unsafe long CpuNanoseconds(int processId)
    {
        var time = stackalloc long[2];
        return ReadClock((~processId << 3) | 2, time) == 0 ? (time[0] * 1_000_000_000) + time[1] : -1;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static unsafe partial int ReadClock(int clock, long* time);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);

    [LibraryImport("libc", EntryPoint = "setpgid", SetLastError = true)]
    private static partial int SetProcessGroup(int processId, int groupId);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int signal, nint action);

    [LibraryImport("libc", EntryPoint = "execvp", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Exec(string file, string?[] words);
}
