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

    private int _callerDescriptors;
    private int _calleeDescriptors;

    internal TPair Pair { get; } = pair;

    public Task InitializeAsync()
    {
        _callerDescriptors = Pair.Caller.Descriptors();
        _calleeDescriptors = Pair.Callee.Descriptors();
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        Pair.AssertHealthy();
        await Pair.CallWorksAsync();
        await Pair.Caller.DescriptorsReturnAsync(_callerDescriptors + KeptDescriptors);
        await Pair.Callee.DescriptorsReturnAsync(_calleeDescriptors + KeptDescriptors);
        Pair.AssertHealthy();
    }
}
