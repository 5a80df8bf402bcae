using System.Text;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

public sealed class HeaderListTests
{
    [Fact]
    public void NamesOfEveryLength_AreFound_AndOthersOfTheirLengthAreNot()
    {
        var list = new HeaderList();
        for (var length = 0; length <= 200; length++)
        {
            Assert.False(list.Contains(Name('a', length)), $"{length} before it was added");
            list.Add(Name('a', length), "v"u8);
            Assert.Equal(length, list.IndexOf(Name('A', length)));
            Assert.True(length == 0 || !list.Contains(Name('b', length)), $"another of {length}");
        }
    }

    [Fact]
    public void CopiedFields_AreFound_AndThoseLeftOutAreNot()
    {
        var list = Of("one", "three", "eleven");
        var all = Of("other!!");
        list.CopyTo(all);
        var some = new HeaderList();
        list.CopyTo(some, 2);
        Assert.Equal(3, all.IndexOf("eleven"u8));
        Assert.Equal(0, all.IndexOf("other!!"u8));
        Assert.Equal(1, some.IndexOf("three"u8));
        Assert.False(some.Contains("eleven"u8));
    }

    [Fact]
    public void FirstFieldsOfALongerList_AreItsBeginning()
    {
        var list = Of("one", "three", "eleven");
        var first = new HeaderList();
        list.CopyTo(first, 2);
        var other = Of("one", "three", "nineteen");
        Assert.True(other.StartsWith(first));
        Assert.True(list.StartsWith(first));
        Assert.False(other.StartsWith(list));
        Assert.False(Of("one").StartsWith(first));
    }

    [Fact]
    public void RemovedAndCleared_AreNotFound_AndMayComeAgain()
    {
        var list = Of("one", "two");
        Assert.True(list.Remove("ONE"u8));
        Assert.False(list.Contains("one"u8));
        Assert.Equal(0, list.IndexOf("two"u8));
        list.Clear();
        Assert.False(list.Contains("two"u8));
        list.Add("two"u8, "v"u8);
        Assert.Equal(0, list.IndexOf("two"u8));
    }

    [Fact]
    public void ClearedBeyondTheKeptFields_ServesAsANewList()
    {
        var list = new HeaderList();
        for (var i = 0; i < 100; i++)
        {
            list.Add(Name('n', i), Name('v', i));
        }

        list.Clear(keptFields: 64);
        Assert.Equal(0, list.Count);
        list.Add("name"u8, Name('v', 5000));
        Assert.True(list.TryGet("name"u8, out var value));
        Assert.Equal(5000, value.Length);
    }

    private static HeaderList Of(params string[] names)
    {
        var list = new HeaderList();
        foreach (var name in names)
        {
            list.Add(Encoding.ASCII.GetBytes(name), "v"u8);
        }

        return list;
    }

    private static byte[] Name(char letter, int length) => Encoding.ASCII.GetBytes(new string(letter, length));
}
