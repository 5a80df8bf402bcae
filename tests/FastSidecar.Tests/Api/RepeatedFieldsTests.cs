using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Api;

public sealed class RepeatedFieldsTests
{
    [Fact]
    public void AnyRequestAfterAnyOther_GivesItsOwnFields()
    {
        var random = new Random(7);
        string[] names = ["Host", "Accept", "X-a", "X-b", "traceparent", "", "bad name", "authorization"];
        string[] values = ["", "a", "b", "text/plain", "\tx", "\u0001", new('v', 300), new('w', 600), "é\u00ff"];
        var fields = new RepeatedFields();
        for (var request = 0; request < 2000; request++)
        {
            var expected = new HeaderList();
            var list = new HeaderList();
            fields.Restart();
            for (var i = random.Next(40); i > 0; i--)
            {
                var (name, value) = (names[random.Next(names.Length)], values[random.Next(values.Length)]);
                var legal = fields.Add(new string(name), new string(value), list);
                Assert.Equal(name.Length > 0 && name != "bad name" && value != "\u0001", legal);
                expected.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
            }

            Assert.Equal(Lines(expected), Lines(list));
            Assert.Equal(Enumerable.Range(0, list.Count).Aggregate(HeaderRole.None, (roles, i) => roles | HeaderRoles.Of(list.Name(i))), fields.Roles);
        }
    }

    [Fact]
    public void RepeatedRequest_AllocatesNothing()
    {
        var fields = new RepeatedFields();
        var list = new HeaderList();
        Add();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            Add();
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());

        void Add()
        {
            fields.Restart();
            list.Clear();
            fields.Add("Host", "localhost:3500", list);
            fields.Add("Accept", "*/*", list);
        }
    }

    private static List<string> Lines(HeaderList list) =>
        [.. Enumerable.Range(0, list.Count).Select(i => $"{Encoding.Latin1.GetString(list.Name(i))}: {Encoding.Latin1.GetString(list.Value(i))}")];
}
