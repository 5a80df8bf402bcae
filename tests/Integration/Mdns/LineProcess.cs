using System.Diagnostics;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Mdns;

/// <summary>A child process spoken to line by line. Disposing closes its input and waits for it, then kills it if it has to.</summary>
internal sealed class LineProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    private LineProcess(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync();
    }

    public int Id => _process.Id;

    public static LineProcess Start(params IEnumerable<string> command)
    {
        var words = command.ToList();
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return new LineProcess(Process.Start(start)!);
    }

    /// <summary>Runs a command to its end; fails with what it printed.</summary>
    public static async Task RunAsync(params IEnumerable<string> command)
    {
        await using var process = Start(command);
        var output = await process._process.StandardOutput.ReadToEndAsync().Within($"output of {string.Join(' ', command)}");
        await process._process.WaitForExitAsync().Within($"end of {string.Join(' ', command)}");
        if (process._process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)}: exit {process._process.ExitCode}\n{output}{await process._errors}");
        }
    }

    public async Task<string> AskAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        return await ReadLineAsync();
    }

    public async Task<string> ReadLineAsync() =>
        await _process.StandardOutput.ReadLineAsync().Within("a line") ?? throw new InvalidOperationException($"the process ended: {await _errors.Within("its errors")}");

    /// <summary>Everything it prints until it ends.</summary>
    public async Task<string> ReadToEndAsync() => await _process.StandardOutput.ReadToEndAsync().Within("the output of a process");

    /// <summary>Ends the process as a crash would: without its goodbye.</summary>
    public async Task KillAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().Within("the killed process");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.StandardInput.Close();
            if (await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(TestTimeouts.Default)) is var first && !_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
            }
        }

        await _process.WaitForExitAsync().Within("the end of a process");
        _process.Dispose();
    }
}
