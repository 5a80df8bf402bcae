using System.Diagnostics;
using System.Runtime.InteropServices;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Samples;

/// <summary>Shell commands as somebody runs them in a terminal of their own, in the root folder of the repository; both outputs together.</summary>
internal sealed partial class Terminal : IAsyncDisposable
{
    public const int SigInt = 2;
    public const int SigTerm = 15;

    private readonly Process _process;
    private readonly string _commands;
    private readonly List<string> _lines = [];
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = New();

    /// <param name="commands">For a shell; one that is a single command becomes the terminal's process itself.</param>
    /// <param name="network">The network namespace they run in; null for ours.</param>
    public Terminal(string commands, string? network = null)
    {
        _commands = commands;
        var shell = commands.Contains('\n', StringComparison.Ordinal) ? commands : $"exec {commands}";
        string[] words = [.. network is null ? [] : (string[])["ip", "netns", "exec", network], "sh", "-e", "-c", shell];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += OnLine;
        _process.ErrorDataReceived += OnLine;
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output
    {
        get
        {
            lock (_lock)
            {
                return string.Join('\n', _lines);
            }
        }
    }

    public int Id => _process.Id;

    /// <summary>Waits until each of the texts stands in a line of its own, in this order, others between them or not.</summary>
    public async Task ShowsAsync(params IReadOnlyList<string> texts)
    {
        try
        {
            while (true)
            {
                Task changed;
                lock (_lock)
                {
                    if (Shows(texts))
                    {
                        return;
                    }

                    changed = _changed.Task;
                }

                await changed.Within("another line");
            }
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"\"{_commands}\" did not show\n{string.Join('\n', texts)}\nbut\n{Output}");
        }
    }

    public void Signal(int signal) => Kill(_process.Id, signal);

    /// <summary>Waits for the end and for the last line; gives the exit code.</summary>
    public async Task<int> EndsAsync()
    {
        await _process.WaitForExitAsync().Within($"the end of \"{_commands}\", which printed so far\n{Output}");
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await EndsAsync();
        _process.Dispose();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private bool Shows(IReadOnlyList<string> texts)
    {
        var found = 0;
        foreach (var line in _lines)
        {
            if (found < texts.Count && line.Contains(texts[found], StringComparison.Ordinal))
            {
                found++;
            }
        }

        return found == texts.Count;
    }

    private void OnLine(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
        {
            return;
        }

        TaskCompletionSource changed;
        lock (_lock)
        {
            _lines.Add(line.Data);
            (changed, _changed) = (_changed, New());
        }

        changed.SetResult();
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
