using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.Resources;

/// <summary>Looks at the resident memory of processes while something goes on, and remembers the most.</summary>
internal sealed class MemoryWatch : IAsyncDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(10);

    private readonly (SidecarProcess Process, long Before)[] _processes;
    private readonly long[] _most;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _watching;

    public MemoryWatch(IEnumerable<SidecarProcess> processes)
    {
        _processes = [.. processes.Select(static process => (process, process.ResidentBytes()))];
        _most = new long[_processes.Length];
        _watching = Task.Run(WatchAsync);
    }

    /// <summary>Ends the watch: the most that each process grew by, in bytes.</summary>
    public async Task<IReadOnlyList<(string AppId, long Bytes)>> GrowthAsync()
    {
        await DisposeAsync();
        return [.. _processes.Select((item, i) => (item.Process.AppId, Math.Max(_most[i], item.Process.ResidentBytes()) - item.Before))];
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _watching;
    }

    private async Task WatchAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            for (var i = 0; i < _processes.Length; i++)
            {
                _most[i] = Math.Max(_most[i], _processes[i].Process.ResidentBytes());
            }

            await Task.Delay(Period);
        }
    }
}
