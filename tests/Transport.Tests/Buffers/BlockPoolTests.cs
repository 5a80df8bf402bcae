using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Buffers;
using Xunit;

namespace FastSidecar.Transport.Tests.Buffers;

public sealed class BlockPoolTests
{
    [Fact]
    public void ReturnedBlock_ComesBackEmpty()
    {
        using var pool = new BlockPool();
        var block = pool.RentBlock();
        var other = pool.RentBlock();
        block.Commit(10);
        block.Link(other);
        Assert.Equal(2, pool.RentedBlocks);

        other.Return();
        block.Return();
        Assert.Equal(0, pool.RentedBlocks);
        var again = pool.RentBlock();
        Assert.Same(block, again); // the last one returned is the warmest
        Assert.Equal(0, again.Filled);
        Assert.Null(again.NextBlock);
        Assert.Equal(0, again.RunningIndex);
        Assert.Equal(BlockPool.DefaultBlockBytes, again.Free.Length);
        again.Return();
    }

    [Fact]
    public void SecondReturn_Throws()
    {
        using var pool = new BlockPool();
        var block = pool.RentBlock();
        block.Return();
        Assert.Throws<InvalidOperationException>(block.Return);
        Assert.Equal(0, pool.RentedBlocks);
    }

    [Fact]
    public void MoreBlocksThanKept_AreDropped()
    {
        using var pool = new BlockPool(blockBytes: 16, maxKept: 2);
        var blocks = Enumerable.Range(0, 5).Select(_ => pool.RentBlock()).ToArray();
        foreach (var block in blocks)
        {
            block.Return();
        }

        var again = Enumerable.Range(0, 5).Select(_ => pool.RentBlock()).ToArray();
        Assert.Equal(2, again.Intersect(blocks).Count());
    }

    [Fact]
    public void KeepNothing_Works()
    {
        using var pool = new BlockPool(blockBytes: 16, maxKept: 0);
        var block = pool.RentBlock();
        block.Return();
        Assert.NotSame(block, pool.RentBlock());
    }

    [Fact]
    public void DisposedPool_TakesBackButGivesNothing()
    {
        var pool = new BlockPool();
        var block = pool.RentBlock();
        pool.Dispose();
        block.Return();
        Assert.Throws<ObjectDisposedException>(pool.RentBlock);
    }

    [Fact]
    public void CommitBeyondTheBlock_Throws()
    {
        using var pool = new BlockPool(blockBytes: 8);
        var block = pool.RentBlock();
        block.Commit(8);
        Assert.Throws<ArgumentOutOfRangeException>(() => block.Commit(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => block.Commit(-1));
        block.Return();
    }

    [Fact]
    public void LinkedBlocks_FormASequence()
    {
        using var pool = new BlockPool(blockBytes: 4);
        var first = Filled(pool, "abcd");
        var second = Filled(pool, "ef"); // a block need not be full
        var third = Filled(pool, "ghij");
        first.Link(second);
        second.Link(third);

        var sequence = new ReadOnlySequence<byte>(first, 1, third, 3);
        Assert.Equal(8, sequence.Length);
        Assert.Equal("bcdefghi", Encoding.ASCII.GetString(sequence));
        Assert.Equal("fg", Encoding.ASCII.GetString(sequence.Slice(4, 2)));
    }

    [Fact]
    public async Task PipeOverThePool_ReturnsEveryBlock()
    {
        using var pool = new BlockPool();
        var pipe = new Pipe(new PipeOptions(pool, useSynchronizationContext: false));
        await pipe.Writer.WriteAsync(new byte[3 * BlockPool.DefaultBlockBytes]).AsTask().Within("write");
        Assert.NotEqual(0, pool.RentedBlocks);
        await pipe.Writer.CompleteAsync();
        var read = await pipe.Reader.ReadAsync().AsTask().Within("read");
        pipe.Reader.AdvanceTo(read.Buffer.End);
        await pipe.Reader.CompleteAsync();
        Assert.Equal(0, pool.RentedBlocks);
    }

    [Fact]
    public async Task ManyThreads_NeverShareABlock()
    {
        using var pool = new BlockPool(blockBytes: 64, maxKept: 8);
        var workers = Enumerable.Range(1, 4).Select(worker => Task.Run(() =>
        {
            for (var i = 0; i < 20_000; i++)
            {
                var block = pool.RentBlock();
                block.Whole.Span.Fill((byte)worker);
                Assert.False(block.Whole.Span.ContainsAnyExcept((byte)worker));
                block.Return();
            }
        }));
        await Task.WhenAll(workers).Within("workers");
        Assert.Equal(0, pool.RentedBlocks);
    }

    [Fact]
    public void RentAndReturn_AllocateNothing()
    {
        using var pool = new BlockPool();
        pool.RentBlock().Return();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            pool.RentBlock().Return();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static Block Filled(BlockPool pool, string text)
    {
        var block = pool.RentBlock();
        block.Commit(Encoding.ASCII.GetBytes(text, block.Free.Span));
        return block;
    }
}
