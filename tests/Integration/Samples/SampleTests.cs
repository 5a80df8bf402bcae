using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Samples;

/// <summary>Follows the samples' READMEs word by word: each block of commands in a terminal of its own, waiting for the output that the README shows.</summary>
public sealed class SampleTests
{
    [BinaryFact(needsNetwork: true, "python3", "node")]
    public async Task HelloWorld_AsTheReadmeSays_OrdersArrive()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var sample = await SampleRun.FollowAsync("hello-world", network);

        Assert.Equal(2, sample.Terminals.Count);
        Assert.Equal(0, await sample.Terminals[1].EndsAsync());
        await sample.StopAsync(sample.Terminals[0]);
    }

    [BinaryFact(needsNetwork: true, "python3", "node", "curl")]
    public async Task TodoNotifications_AsTheReadmeSays_BothFormsOfCallArrive()
    {
        await using var network = await PrivateNetwork.CreateAsync();
        await using var sample = await SampleRun.FollowAsync("todo-notifications", network);

        Assert.Equal(5, sample.Terminals.Count);
        foreach (var curl in sample.Terminals.Skip(2))
        {
            Assert.Equal(0, await curl.EndsAsync());
        }

        await sample.StopAsync(sample.Terminals[1], sample.Terminals[0]);
    }

    [GrpcSampleFact]
    public async Task GrpcChat_AsTheReadmeSays_LinesAreHeard()
    {
        // The network of the sample leads nowhere: what its README installs is there already, and npm finds it so.
        var folder = Path.Combine(Repository.Root, "samples", "grpc-chat");
        var installed = await Tool.RunInAsync(folder, "npm", "install", "--no-audit", "--no-fund");
        Assert.True(installed.ExitCode == 0, installed.ToString());
        await using var network = await PrivateNetwork.CreateAsync();
        await using var sample = await SampleRun.FollowAsync("grpc-chat", network);

        Assert.Equal(3, sample.Terminals.Count);
        Assert.Equal(0, await sample.Terminals[0].EndsAsync());
        Assert.Equal(0, await sample.Terminals[2].EndsAsync());
        await sample.StopAsync(sample.Terminals[1]);
    }
}
