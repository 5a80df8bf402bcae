using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Http2.Streams;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>The table of open streams beside a dictionary that cannot be wrong.</summary>
public sealed class StreamTableTests
{
    /// <summary>
    /// Ids rise by two, as on a connection; some streams live much longer than the others, so ids meet in one slot and holes open behind
    /// them.
    /// </summary>
    [Theory]
    [InlineData(1, 6)]
    [InlineData(2, 30)]
    [InlineData(3, 100)]
    [InlineData(4, 500)]
    public async Task StreamsComeAndGo_EveryOpenOneIsFoundAndNoOther(int seed, int mostOpen)
    {
        await using var pair = ConnectionPair.InMemory(static _ => Task.CompletedTask);
        var random = new Random(seed);
        var table = new StreamTable();
        var model = new SortedDictionary<int, Http2Stream>();
        var spare = new Stack<Http2Stream>();
        var nextId = 1;
        for (var step = 0; step < 20_000; step++)
        {
            if (model.Count < mostOpen && random.Next(2) == 0)
            {
                var stream = spare.Count > 0 ? spare.Pop() : new Http2Stream(pair.Client);
                stream.Id = nextId;
                nextId += 2;
                table.Add(stream);
                model.Add(stream.Id, stream);
            }
            else if (model.Count > 0)
            {
                // The oldest nearly never goes, the next ones mostly.
                var place = random.Next(200) == 0 ? 0 : Math.Min(model.Count - 1, 1 + random.Next(4));
                var (id, stream) = model.ElementAt(place);
                Assert.True(table.Remove(stream), $"stream {id} was open");
                Assert.False(table.Remove(stream), $"stream {id} was removed twice");
                model.Remove(id);
                spare.Push(stream);
            }

            Assert.Equal(model.Count, table.Count);
            var probe = random.Next(nextId) | 1;
            Assert.Same(model.GetValueOrDefault(probe), table.Find(probe));
            if (step % 100 == 0)
            {
                Assert.All(model, entry => Assert.Same(entry.Value, table.Find(entry.Key)));
                Assert.Equal(model.Values, table.ToArray().OrderBy(static stream => stream.Id));
            }
        }
    }
}
