using System.Diagnostics;

namespace FastSidecar.Commands;

/// <summary>A program that <c>run</c> started, with all that it started itself in the same process group.</summary>
internal sealed class ChildProcess : IDisposable
{
    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(20);

    private readonly Process _process;
    private readonly TimeProvider _time;
    private readonly int _id;

    private ChildProcess(Process process, TimeProvider time)
    {
        _process = process;
        _time = time;
        _id = process.Id;
        Exited = process.WaitForExitAsync(CancellationToken.None);
    }

    public int Id => _id;

    /// <summary>Completes when the program itself has ended; what it started may still run.</summary>
    public Task Exited { get; }

    /// <summary>128 + signal when a signal ended it.</summary>
    public int ExitCode => _process.ExitCode;

    public Stream Output => _process.StandardOutput.BaseStream;

    public Stream Error => _process.StandardError.BaseStream;

    /// <summary>
    /// Starts <paramref name="words"/> through <paramref name="self"/>, this program's own file (see <see cref="ExecCommand"/>). With
    /// <paramref name="redirect"/> its output is read from <see cref="Output"/> and <see cref="Error"/>, otherwise it goes where ours goes.
    /// </summary>
    public static ChildProcess Start(
        string self, IReadOnlyList<string> words, IReadOnlyDictionary<string, string> environment, bool redirect, TimeProvider time)
    {
        var start = new ProcessStartInfo(self)
        {
            UseShellExecute = false,
            RedirectStandardOutput = redirect,
            RedirectStandardError = redirect,
        };
        start.ArgumentList.Add(CommandLineRouter.ExecWord);
        foreach (var word in words)
        {
            start.ArgumentList.Add(word);
        }

        start.Environment.Clear();
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return new ChildProcess(Process.Start(start)!, time);
    }

    /// <summary>
    /// SIGTERM to the group, SIGKILL when it is not gone after <paramref name="patience"/> or when <paramref name="atOnce"/> says so.
    /// </summary>
    public async Task StopAsync(TimeSpan patience, CancellationToken atOnce)
    {
        Signal(NativeProcess.SigTerm);
        var asked = _time.GetTimestamp();
        while (!IsGone() && _time.GetElapsedTime(asked) < patience && !atOnce.IsCancellationRequested)
        {
            await Task.Delay(PollPeriod, _time, CancellationToken.None);
        }

        if (!IsGone())
        {
            Signal(NativeProcess.SigKill);
        }

        await Exited;
    }

    public void Dispose() => _process.Dispose();

    private bool IsGone() => Exited.IsCompleted && !NativeProcess.SignalGroup(_id, NativeProcess.NoSignal);

    private void Signal(int signal)
    {
        // Until the child has made its group there is only the child. Once it was reaped only a living group still owns the number.
        if (!NativeProcess.SignalGroup(_id, signal) && !Exited.IsCompleted)
        {
            NativeProcess.SignalProcess(_id, signal);
        }
    }
}
