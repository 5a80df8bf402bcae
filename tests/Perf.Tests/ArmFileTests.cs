using FastSidecar.Compare;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class ArmFileTests
{
    public static TheoryData<string> Folders =>
        [.. Directory.EnumerateDirectories(Path.Combine(Repository.Root, "perf/Arms")).Select(folder => Path.GetFileName(folder))];

    /// <summary>A place that nothing fills would reach nginx as a port named @fornt@.</summary>
    [Theory]
    [MemberData(nameof(Folders))]
    public void EveryPlaceOfACommittedArm_IsFilled(string name)
    {
        var folder = Path.Combine(Repository.Root, "perf/Arms", name);
        var file = ArmFile.Read(folder);
        string[] known = ["repo", "work", "app", "grpcApp", "path", "id", "body1k", .. file.Ports];
        foreach (var path in Directory.EnumerateFiles(folder))
        {
            foreach (var (_, place) in Places.In(File.ReadAllText(path)))
            {
                Assert.True(known.Contains(place), $"{name}/{Path.GetFileName(path)}: @{place}@");
            }
        }
    }

    [Fact]
    public void Places_AreFilledAndOthersStay()
    {
        var places = new Places(new Dictionary<string, string> { ["front"] = "1234" });
        Assert.Equal("a 1234 b @back@", places.Fill("a @front@ b @back@"));
    }

    [Fact]
    public void FreePorts_DifferFromEachOther()
    {
        var ports = Places.FreePorts(Enumerable.Range(0, 20).Select(i => $"p{i}"));
        Assert.Equal(20, ports.Select(port => port.Value).Distinct().Count());
    }

    [Fact]
    public void EveryBlock_HasEveryClaimOnceThroughEveryArm()
    {
        (string Name, bool IsGrpc)[] arms = [("direct", false), ("fastsidecar", false), ("nginx", false), ("grpc-direct", true), ("grpc-fastsidecar", true)];
        for (var block = 0; block < 5; block++)
        {
            var order = Blocks.Order(block, Scenarios.All, arms, new Random(block)).ToArray();
            var expected = Scenarios.All.Where(scenario => scenario.IsClaim || block < Blocks.Unclaimed)
                .Sum(scenario => arms.Count(arm => arm.IsGrpc == scenario.Grpc && (scenario.Arms?.Contains(arm.Name) ?? true)));
            Assert.Equal(expected, order.Distinct().Count());
            Assert.Equal(expected, order.Length);
        }
    }
}
