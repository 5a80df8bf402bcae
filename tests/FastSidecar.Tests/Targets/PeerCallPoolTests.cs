using FastSidecar.Targets.Peers;
using Xunit;

namespace FastSidecar.Tests.Targets;

public sealed class PeerCallPoolTests
{
    [Fact]
    public void MoreCallsThanAreKept_TheRestIsLeftToTheCollector()
    {
        const int More = PeerCallPool.MostPooled + 10;
        var pool = new PeerCallPool(maxMessageBytes: 4 << 20);
        var calls = Enumerable.Range(0, More).Select(_ => pool.Rent()).ToList();
        Assert.Equal(More, calls.Distinct().Count());

        calls.ForEach(pool.Return);

        Assert.Equal(PeerCallPool.MostPooled, pool.Count);
        Assert.Contains(pool.Rent(), calls);
    }
}
