using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace FastSidecar.Load;

/// <summary>Starts a program, and measures until it gives the right answer for the first time.</summary>
internal static class StartTime
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    /// <summary>Between two attempts: short beside any start, and long enough to leave the processor to the program.</summary>
    private const long Pause = Clock.Second / 5000;

    public static StartResult Measure(LoadOptions options)
    {
        if (options.Command.Count == 0)
        {
            throw new LoadException("which program? It stands behind --");
        }

        var target = LoadTarget.Parse(options.Url, 1);
        var times = new List<double>();
        for (var run = 0; run < options.Runs; run++)
        {
            times.Add(Math.Round(Once(options, target).TotalMilliseconds, 3));
        }

        return new StartResult(times);
    }

    private static TimeSpan Once(LoadOptions options, LoadTarget target)
    {
        var start = new ProcessStartInfo(options.Command[0], options.Command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var began = Stopwatch.GetTimestamp();
        using var process = Process.Start(start) ?? throw new LoadException($"{options.Command[0]} could not be started");
        process.OutputDataReceived += (_, _) => { };
        process.ErrorDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        using var pause = new Poller();
        try
        {
            while (!Answers(target, options.Status))
            {
                if (process.HasExited || Stopwatch.GetElapsedTime(began) > Limit)
                {
                    throw new LoadException(
                        $"{options.Command[0]} did not answer {options.Url} with {options.Status} within {Limit.TotalSeconds} s");
                }

                pause.Wait(Pause);
            }

            return Stopwatch.GetElapsedTime(began);
        }
        finally
        {
            process.Kill();
            process.WaitForExit();
        }
    }

    /// <summary>One request on a connection of its own. False when there is no connection, or another answer.</summary>
    private static bool Answers(LoadTarget target, int status)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 5000 };
        try
        {
            socket.Connect(new IPEndPoint(new IPAddress(BitConverter.GetBytes(target.AddressBigEndian)), target.Port));
            socket.Send(
                Encoding.ASCII.GetBytes($"GET {target.Paths[0]} HTTP/1.1\r\nHost: {target.Authority}\r\nConnection: close\r\n\r\n"));
            var buffer = new byte[16 * 1024];
            var count = socket.Receive(buffer);
            return Encoding.ASCII.GetString(buffer, 0, count).StartsWith($"HTTP/1.1 {status}", StringComparison.Ordinal);
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
