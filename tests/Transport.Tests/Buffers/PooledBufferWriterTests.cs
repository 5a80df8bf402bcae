using System.Buffers;
using FastSidecar.Transport.Buffers;
using Xunit;

namespace FastSidecar.Transport.Tests.Buffers;

public sealed class PooledBufferWriterTests
{
    [Fact]
    public void RandomWrites_KeepTheirBytes()
    {
        var random = new Random(1);
        var expected = new List<byte>();
        using var writer = new PooledBufferWriter();
        for (var i = 0; i < 500; i++)
        {
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            if (i % 2 == 0)
            {
                writer.Write(bytes);
            }
            else
            {
                bytes.CopyTo(writer.GetMemory(bytes.Length));
                writer.Advance(bytes.Length);
            }

            expected.AddRange(bytes);
        }

        Assert.Equal(expected, writer.WrittenMemory.ToArray());
        Assert.Equal(expected.Count, writer.WrittenCount);
    }

    [Fact]
    public void Clear_KeepsTheArray_DisposeGivesItBack_Once()
    {
        var pool = new CountingPool();
        var writer = new PooledBufferWriter(pool);
        writer.Write(new byte[1000]);
        writer.Write(new byte[5000]);
        writer.Clear();
        writer.Write([1, 2, 3]);
        Assert.Equal([1, 2, 3], writer.WrittenSpan.ToArray());
        Assert.Equal(1, pool.Outstanding);
        Assert.Equal(2, pool.Rents);

        writer.Dispose();
        writer.Dispose();
        Assert.Equal(0, pool.Outstanding);

        writer.Write([4]);
        Assert.Equal([4], writer.WrittenSpan.ToArray());
    }

    [Fact]
    public void PatchAndTruncate_TouchWhatWasWritten()
    {
        using var writer = new PooledBufferWriter();
        writer.Write([0, 0, 7, 8, 9]);
        writer.Patch(0, 2)[1] = 3;
        writer.Truncate(4);
        Assert.Equal([0, 3, 7, 8], writer.WrittenSpan.ToArray());
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Truncate(5));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Patch(3, 2).Length);
    }

    [Fact]
    public void AdvanceTooFar_Throws()
    {
        using var writer = new PooledBufferWriter();
        var room = writer.GetSpan().Length;
        Assert.NotEqual(0, room);
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(room + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(-1));
    }

    private sealed class CountingPool : ArrayPool<byte>
    {
        public int Rents { get; private set; }

        public int Outstanding { get; private set; }

        public override byte[] Rent(int minimumLength)
        {
            Rents++;
            Outstanding++;
            return new byte[minimumLength];
        }

        public override void Return(byte[] array, bool clearArray = false) => Outstanding--;
    }
}
