namespace FastSidecar.Compare;

/// <summary>
/// The order of runs: in each block every scenario goes through every arm once. Scenarios come in random order and the arms of one
/// right behind each other, in random order as well, so that what disturbs the machine for a while meets them alike and their
/// differences within a block stay true.
/// </summary>
internal static class Blocks
{
    /// <summary>Blocks of a scenario that nothing is claimed about.</summary>
    public const int Unclaimed = 3;

    public static IEnumerable<(Scenario Scenario, string Arm)> Order(
        int block, IReadOnlyList<Scenario> scenarios, IReadOnlyList<(string Name, bool IsGrpc)> arms, Random random)
    {
        var chosen = scenarios.Where(scenario => scenario.IsClaim || block < Unclaimed).ToArray();
        random.Shuffle(chosen);
        foreach (var scenario in chosen)
        {
            var through = arms.Where(arm => arm.IsGrpc == scenario.Grpc).Select(arm => arm.Name)
                .Where(arm => scenario.Arms?.Contains(arm) ?? true).ToArray();
            random.Shuffle(through);
            foreach (var arm in through)
            {
                yield return (scenario, arm);
            }
        }
    }
}
