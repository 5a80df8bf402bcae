namespace FastSidecar.Integration.Samples;

/// <summary>A sample that was started as its README says.</summary>
internal sealed class SampleRun : IAsyncDisposable
{
    private readonly List<Terminal> _terminals = [];
    private readonly PrivateNetwork _network;

    private SampleRun(PrivateNetwork network)
    {
        _network = network;
    }

    /// <summary>One for each block of commands.</summary>
    public IReadOnlyList<Terminal> Terminals => _terminals;

    /// <summary>
    /// Runs the steps one after the other. What the first text block below a block of commands shows has to appear in that terminal; further ones may show what
    /// another prints.
    /// </summary>
    public static async Task<SampleRun> FollowAsync(string sample, PrivateNetwork network)
    {
        var run = new SampleRun(network);
        try
        {
            foreach (var step in SampleReadme.Read(sample))
            {
                await run.FollowAsync(step);
            }

            return run;
        }
        catch
        {
            await run.DisposeAsync();
            throw;
        }
    }

    /// <summary>Ctrl-C in these terminals; nothing may be left running.</summary>
    public async Task StopAsync(params IEnumerable<Terminal> terminals)
    {
        foreach (var terminal in terminals)
        {
            terminal.Signal(Terminal.SigInt);
            await terminal.EndsAsync();
        }

        await _network.IsEmptyAsync();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var terminal in _terminals)
        {
            await terminal.DisposeAsync();
        }
    }

    private async Task FollowAsync(SampleStep step)
    {
        var terminal = new Terminal(step.Commands, _network.Name);
        _terminals.Add(terminal);
        for (var i = 0; i < step.Printed.Count; i++)
        {
            if (i == 0)
            {
                await terminal.ShowsAsync(step.Printed[i]);
            }
            else
            {
                await await Task.WhenAny(_terminals.Select(other => other.ShowsAsync(step.Printed[i])));
            }
        }
    }
}
