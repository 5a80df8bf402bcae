using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace FastSidecar.Compare;

/// <summary>A running program of an arm, with the end of what it wrote.</summary>
internal sealed class ArmProcess : IDisposable
{
    private const int LinesKept = 30;
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(5);

    private readonly Process _process;
    private readonly Queue<string> _lines = new();

    private ArmProcess(string name, string? metrics, Process process)
    {
        Name = name;
        Metrics = metrics;
        _process = process;
        process.OutputDataReceived += OnLine;
        process.ErrorDataReceived += OnLine;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Name { get; }

    /// <summary>URL of its metrics page, or null.</summary>
    public string? Metrics { get; }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public static ArmProcess Start(ArmProgram program, Places places)
    {
        var command = places.Fill(program.Command);
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        Programs.KeepOutSurroundings(start);
        foreach (var (name, value) in program.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = places.Fill(value);
        }

        try
        {
            return new ArmProcess(program.Name, program.Metrics is { } url ? places.Fill(url) : null, Process.Start(start)!);
        }
        catch (Win32Exception e)
        {
            throw new CompareException($"{command[0]} could not be started: {e.Message}");
        }
    }

    public string LastLines()
    {
        lock (_lines)
        {
            return string.Join('\n', _lines);
        }
    }

    public void Dispose()
    {
        End();
        _process.Dispose();
    }

    /// <summary>SIGTERM, and SIGKILL when that is not enough.</summary>
    public void End()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(CultureInfo.InvariantCulture)]);
            kill.WaitForExit();
            if (!_process.WaitForExit(StopLimit))
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }
    }

    private void OnLine(object sender, DataReceivedEventArgs line)
    {
        lock (_lines)
        {
            if (line.Data is { } text)
            {
                _lines.Enqueue(text);
            }

            if (_lines.Count > LinesKept)
            {
                _lines.Dequeue();
            }
        }
    }
}
