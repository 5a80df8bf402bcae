using Xunit;

namespace FastSidecar.Integration.Shared;

/// <summary>
/// Tests against a pair of sidecars. After each of them both are the processes they were, have logged no error, still serve, and hold no descriptor more than before.
/// </summary>
public abstract class PairTests<TPair>(TPair pair) : IClassFixture<TPair>, IAsyncLifetime
    where TPair : SidecarPair
{
    /// <summary>Room for a connection that a pool keeps.</summary>
    private const int KeptDescriptors = 4;

    private readonly List<int> _descriptors = [];

    internal TPair Pair { get; } = pair;

    public Task InitializeAsync()
    {
        _descriptors.AddRange(Pair.Processes.Select(static process => process.Descriptors()));
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        Pair.AssertHealthy();
        await Pair.CallWorksAsync();
        foreach (var (process, before) in Pair.Processes.Zip(_descriptors))
        {
            await process.DescriptorsReturnAsync(before + KeptDescriptors);
        }

        Pair.AssertHealthy();
    }
}
