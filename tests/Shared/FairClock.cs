using System.Diagnostics;
using System.Globalization;

namespace FastSidecar.Tests.Shared;

/// <summary>
/// A stopwatch for upper limits. Time in which somebody on this machine wanted a CPU and had none is left out, and so is what the hypervisor kept:
/// on a machine at rest there is no such time. A program that wants a CPU all the time makes some for itself, so never more than four fifths are
/// left out: a limit that is kept by <see cref="Fair"/> is kept five times over by the wall clock. Lower limits take <see cref="Elapsed"/>.
/// </summary>
internal sealed class FairClock
{
    /// <summary>Pressure stall information (Linux, Documentation/accounting/psi.rst); where it is missing nothing is left out.</summary>
    private const string Pressure = "/proc/pressure/cpu";

    private const double TicksPerSecond = 100; // of /proc/stat: USER_HZ, the same on every architecture we build for

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly TimeSpan _kept = Kept();

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_began);

    /// <summary>Since the start, without the time in which there were not enough CPUs.</summary>
    public TimeSpan Fair
    {
        get
        {
            var (elapsed, lost) = (Elapsed, Lost);
            var most = elapsed * (4.0 / 5);
            return elapsed - (lost < most ? lost : most);
        }
    }

    /// <summary>The time since the start in which there were not enough CPUs.</summary>
    public TimeSpan Lost => Kept() - _kept;

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds:F2} s, {Lost.TotalSeconds:F2} s of them without enough CPUs");

    private static TimeSpan Kept() => Stalled() + Stolen();

    /// <summary><c>some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS</c>.</summary>
    private static TimeSpan Stalled()
    {
        try
        {
            var line = File.ReadLines(Pressure).First();
            return TimeSpan.FromMicroseconds(long.Parse(line.AsSpan(line.LastIndexOf('=') + 1), CultureInfo.InvariantCulture));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not compiled in, switched off, or hidden from a container.
            return TimeSpan.Zero;
        }
    }

    /// <summary>proc(5): cpu user nice system idle iowait irq softirq steal, of all CPUs together.</summary>
    private static TimeSpan Stolen()
    {
        const int Steal = 8;
        if (!File.Exists("/proc/stat"))
        {
            return TimeSpan.Zero;
        }

        var fields = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return TimeSpan.FromSeconds(long.Parse(fields[Steal], CultureInfo.InvariantCulture) / TicksPerSecond / Environment.ProcessorCount);
    }
}
