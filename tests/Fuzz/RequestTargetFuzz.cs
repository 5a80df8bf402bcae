using System.Buffers;
using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes as a request target and as a method: the normal form is the same when it is taken again, a path survives being written and
/// read, and nothing that reaches an app's request line can end it.
/// </summary>
public sealed class RequestTargetFuzz
{
    private static readonly RouteTable Routes = new(RouteTable.ApiPort, invokeIsFallback: true);

    private static readonly byte[][] Seeds =
    [
        .. new[]
        {
            "/v1.0/invoke/callee/method/api/x?a=1&b=%20",
            "/v1.0/invoke/callee.ns/method/../%2e%2e/./admin//x/",
            "http://user:pw@host:80/v1.0/invoke/http:%2F%2Fa:1/method/%41%zz",
            "//v1.0/metadata/k%2Fb+c?",
            "*",
            "../../a;b=c/@:$&+,é#x",
            "mailto:a@b",
            "/[::1%25eth0]/%",
        }.Select(Encoding.UTF8.GetBytes),
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] bytes, Random random)
    {
        ReadMethod(bytes, bytes);
        var verb = random.Next(8) == 0 ? "CONNECT"u8 : "GET"u8;
        if (!GoUrl.TryParseRequestTarget(verb, bytes, out var url))
        {
            return;
        }

        var routing = RouteTable.RoutingPath(url);
        Assert.True(GoPath.IsClean(routing));
        Routes.Match(verb, routing);
        ReadMethod(url.Path, url.RawQuery);
        if (url.Path is [(byte)'/', ..])
        {
            Assert.True(GoUrl.TryParseRequestTarget("GET"u8, [.. "http://h"u8, .. url.EscapedPath()], out var again), "an escaped path is no path");
            Assert.Equal(url.Path, again.Path);
        }
    }

    private static void ReadMethod(byte[] method, byte[] query)
    {
        var normal = Normalize(method);
        if (normal is null)
        {
            return;
        }

        Assert.Equal(normal, Normalize(normal));
        if (MethodPath.IsNormal(method))
        {
            Assert.Equal(method, normal);
        }

        var elements = Encoding.Latin1.GetString(normal).Split('/');
        Assert.DoesNotContain(".", elements);
        Assert.DoesNotContain("..", elements);

        var target = new ArrayBufferWriter<byte>();
        if (AppTarget.Build(normal, query, "http://127.0.0.1:1"u8, target) is null)
        {
            // Go's client sends a space of the query as it is; anything else of this kind it refuses.
            var sent = target.WrittenSpan;
            Assert.Equal(-1, sent.IndexOfAnyInRange((byte)0, (byte)0x1f));
            Assert.False(sent.Contains((byte)0x7f));
            var question = sent.IndexOf((byte)'?');
            Assert.False((question < 0 ? sent : sent[..question]).Contains((byte)' '));
        }
    }

    private static byte[]? Normalize(byte[] method)
    {
        var output = new ArrayBufferWriter<byte>();
        return MethodPath.Normalize(method, output) is null ? output.WrittenSpan.ToArray() : null;
    }
}
