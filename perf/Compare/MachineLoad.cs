using System.Globalization;
using FastSidecar.Load;

namespace FastSidecar.Compare;

/// <summary>Busy time of the whole machine (proc(5), stat), to know how much of it was not ours.</summary>
internal readonly record struct MachineLoad(double BusySeconds, double Seconds)
{
    private const double TicksPerSecond = 100;

    public static MachineLoad Read()
    {
        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..9]
            .Select(field => double.Parse(field, CultureInfo.InvariantCulture)).ToArray();
        var all = fields.Sum();
        return new MachineLoad((all - fields[3] - fields[4]) / TicksPerSecond, all / TicksPerSecond);
    }

    /// <summary>The share of the machine that others had since <paramref name="before"/>.</summary>
    public static double OthersSince(MachineLoad before, double ownSeconds)
    {
        var now = Read();
        var all = now.Seconds - before.Seconds;
        return all <= 0 ? 0 : Math.Clamp((now.BusySeconds - before.BusySeconds - ownSeconds) / all, 0, 1);
    }

    /// <summary>CPU seconds of these processes so far.</summary>
    public static double Own(IEnumerable<int> processes) => processes.Sum(process => ProcessUsage.Read(process).CpuNanoseconds / 1e9);
}
