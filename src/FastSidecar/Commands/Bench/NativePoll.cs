using System.Runtime.InteropServices;

namespace FastSidecar.Commands.Bench;

/// <summary>A wait for sockets that ends to the microsecond, which no method of the framework does.</summary>
internal static unsafe partial class NativePoll
{
    public const short Readable = 1;
    public const short Writable = 4;

    /// <summary>PR_SET_TIMERSLACK.</summary>
    private const int TimerSlack = 29;

    private const int Interrupted = 4;
    private const long NanosecondsPerSecond = 1_000_000_000;

    /// <summary>struct pollfd.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Entry
    {
        public int Descriptor;
        public short Wanted;
        public short Happened;
    }

    /// <summary>Timers of this thread end on time: the kernel may otherwise let them be 50 µs late.</summary>
    public static void SetPrecise() => _ = Control(TimerSlack, 1, 0, 0, 0);

    /// <summary>Waits for at most so long; the number of entries to which something happened.</summary>
    public static int Wait(ReadOnlySpan<Entry> entries, long nanoseconds)
    {
        var timeout = stackalloc long[] { nanoseconds / NanosecondsPerSecond, nanoseconds % NanosecondsPerSecond };
        fixed (Entry* first = entries)
        {
            var count = Poll(first, (nuint)entries.Length, timeout, null);
            var error = count < 0 ? Marshal.GetLastPInvokeError() : 0;
            return error is 0 or Interrupted ? Math.Max(0, count) : throw new BenchException($"ppoll failed (errno {error})");
        }
    }

    [LibraryImport("libc", EntryPoint = "ppoll", SetLastError = true)]
    private static partial int Poll(Entry* entries, nuint count, long* timeout, void* signals);

    [LibraryImport("libc", EntryPoint = "prctl")]
    private static partial int Control(int option, nuint a, nuint b, nuint c, nuint d);
}
