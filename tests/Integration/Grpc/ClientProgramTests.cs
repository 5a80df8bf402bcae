using System.Text.RegularExpressions;
using Xunit;

namespace FastSidecar.Integration.Grpc;

/// <summary>
/// Users' unmodified programs: a client in one language and a server in another, first with each other, then through two sidecars, where nothing changes but the port and one
/// entry of metadata. A program runs once for all cases and prints a line for each.
/// </summary>
public abstract partial class ClientProgramTests<TPair>(TPair pair, string client) : IClassFixture<TPair>
    where TPair : GrpcPair
{
    private static readonly Lock Gate = new();
    private static Task<IReadOnlyDictionary<string, string>>? _direct;
    private static Task<IReadOnlyDictionary<string, string>>? _proxied;

    public static TheoryData<string> Cases { get; } =
    [
        "unary",
        "many unary",
        "empty message",
        "gzip message",
        "client stream",
        "server stream",
        "slow ticker",
        "bidirectional",
        "every status",
        "status with details",
        "unknown method",
        "deadline",
        "deadline on a stream",
        "cancellation",
        "slow reader slows the writer",
        "slow server slows the client",
        "message at the limit",
        "message over the limit",
        "a thousand streams",
    ];

    protected TPair Pair { get; } = pair;

    /// <summary>Shows that the programs are right.</summary>
    [GrpcTheory]
    [MemberData(nameof(Cases))]
    public async Task Direct(string name)
    {
        Assert.StartsWith("ok", (await DirectAsync())[name], StringComparison.Ordinal);
    }

    [GrpcTheory]
    [MemberData(nameof(Cases))]
    public async Task ThroughTwoSidecars(string name)
    {
        Assert.StartsWith("ok", (await ProxiedAsync())[name], StringComparison.Ordinal);
        Pair.AssertHealthy();
    }

    [GrpcFact]
    public async Task MessageOverTheLimit_IsRefusedInDaprsWords()
    {
        Assert.Equal("ok grpc: received message larger than max (4194305 vs. 4194304)", (await ProxiedAsync())["message over the limit"]);
    }

    /// <summary>64 MiB to a client that does not read, 32 MiB to a server that does not.</summary>
    [GrpcFact]
    public async Task SlowReaders_MemoryOfTheSidecarsStaysFlat()
    {
        const long Room = 24 * 1024 * 1024;
        await RunAsync(Pair.SidecarAddress, Pair.Metadata, "many unary");
        var before = (Caller: Pair.Caller.PeakResidentBytes(), Callee: Pair.Callee.PeakResidentBytes());
        var outcomes = await RunAsync(Pair.SidecarAddress, Pair.Metadata, "slow reader slows the writer", "slow server slows the client");

        Assert.All(outcomes, static outcome => Assert.StartsWith("ok", outcome.Value, StringComparison.Ordinal));
        Assert.InRange(Pair.Caller.PeakResidentBytes(), 0, before.Caller + Room);
        Assert.InRange(Pair.Callee.PeakResidentBytes(), 0, before.Callee + Room);
    }

    private Task<IReadOnlyDictionary<string, string>> DirectAsync()
    {
        lock (Gate)
        {
            return _direct ??= RunAsync(Pair.ServerAddress, "{}");
        }
    }

    private Task<IReadOnlyDictionary<string, string>> ProxiedAsync()
    {
        lock (Gate)
        {
            return _proxied ??= RunAsync(Pair.SidecarAddress, Pair.Metadata);
        }
    }

    private async Task<IReadOnlyDictionary<string, string>> RunAsync(string address, string metadata, params IEnumerable<string> cases)
    {
        var result = await GrpcPrograms.RunAsync(client, [address, metadata, .. cases]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return Outcome().Matches(result.Output).ToDictionary(static match => match.Groups[1].Value, static match => match.Groups[2].Value);
    }

    [GeneratedRegex("^([^:\n]+): (.*)$", RegexOptions.Multiline)]
    private static partial Regex Outcome();
}

public sealed class NodeToPythonTests(PythonServerPair pair) : ClientProgramTests<PythonServerPair>(pair, GrpcPrograms.NodeClient);

public sealed class PythonToNodeTests(NodeServerPair pair) : ClientProgramTests<NodeServerPair>(pair, GrpcPrograms.PythonClient);
