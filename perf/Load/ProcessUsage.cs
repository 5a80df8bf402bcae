using System.Globalization;

namespace FastSidecar.Load;

/// <summary>What a process has used since its start, and what it holds now, from the kernel's own counters.</summary>
/// <param name="Process">Its id.</param>
/// <param name="CpuNanoseconds">Run time of all its threads, ended ones as well, exact to the nanosecond.</param>
/// <param name="UserTicks">How the run time divides, in ticks of 10 ms: outside the kernel, and</param>
/// <param name="SystemTicks">inside.</param>
/// <param name="VoluntarySwitches">Times a thread went to sleep; of the threads that live now.</param>
/// <param name="InvoluntarySwitches">Times a thread was taken off the processor.</param>
/// <param name="ResidentBytes">Memory now.</param>
/// <param name="PeakResidentBytes">The most memory it ever held.</param>
/// <param name="Threads">Threads now.</param>
internal sealed record ProcessUsage(
    int Process,
    long CpuNanoseconds,
    long UserTicks,
    long SystemTicks,
    long VoluntarySwitches,
    long InvoluntarySwitches,
    long ResidentBytes,
    long PeakResidentBytes,
    int Threads)
{
    public static ProcessUsage Read(int process)
    {
        try
        {
            var (user, system) = ReadTicks(process);
            var (voluntary, involuntary) = ReadSwitches(process);
            var status = File.ReadAllText($"/proc/{process}/status");
            return new ProcessUsage(
                process,
                ReadCpu(process),
                user,
                system,
                voluntary,
                involuntary,
                Field(status, "VmRSS:") * 1024,
                Field(status, "VmHWM:") * 1024,
                (int)Field(status, "Threads:"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LoadException($"process {process} cannot be read: {e.Message}");
        }
    }

    /// <summary>What was used between two readings; memory and threads are those of this one.</summary>
    public ProcessUsage Since(ProcessUsage before) => this with
    {
        CpuNanoseconds = CpuNanoseconds - before.CpuNanoseconds,
        UserTicks = UserTicks - before.UserTicks,
        SystemTicks = SystemTicks - before.SystemTicks,
        VoluntarySwitches = Math.Max(0, VoluntarySwitches - before.VoluntarySwitches),
        InvoluntarySwitches = Math.Max(0, InvoluntarySwitches - before.InvoluntarySwitches),
    };

    /// <summary>
    /// The clock of a process's CPU time has a number made of its id (clock_getcpuclockid(3), kernel/time/posix-cpu-timers.c).
    /// </summary>
    private static unsafe long ReadCpu(int process)
    {
        Native.TimeSpec time;
        return Native.clock_gettime((~process << 3) | 2, &time) == 0
            ? (time.Seconds * Clock.Second) + time.Nanoseconds
            : throw new LoadException($"process {process} has ended");
    }

    /// <summary>
    /// Fields 14 and 15 of proc(5)'s stat; the name in front of them may hold anything, so they are counted from its end.
    /// </summary>
    private static (long User, long System) ReadTicks(int process)
    {
        var text = File.ReadAllText($"/proc/{process}/stat");
        var fields = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        return (long.Parse(fields[11], CultureInfo.InvariantCulture), long.Parse(fields[12], CultureInfo.InvariantCulture));
    }

    private static (long Voluntary, long Involuntary) ReadSwitches(int process)
    {
        long voluntary = 0;
        long involuntary = 0;
        foreach (var task in Directory.EnumerateDirectories($"/proc/{process}/task"))
        {
            try
            {
                var status = File.ReadAllText(task + "/status");
                voluntary += Field(status, "\nvoluntary_ctxt_switches:");
                involuntary += Field(status, "nonvoluntary_ctxt_switches:");
            }
            catch (IOException)
            {
                // A thread that has just ended.
            }
        }

        return (voluntary, involuntary);
    }

    private static long Field(string status, string name)
    {
        var at = status.IndexOf(name, StringComparison.Ordinal);
        if (at < 0)
        {
            return 0;
        }

        var rest = status.AsSpan(at + name.Length).TrimStart(" \t");
        var length = rest.IndexOfAnyExceptInRange('0', '9');
        return long.Parse(length < 0 ? rest : rest[..length], NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
