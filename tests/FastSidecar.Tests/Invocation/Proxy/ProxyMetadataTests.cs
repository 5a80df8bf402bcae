using System.Text;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

/// <summary>Fields that pass, by the way they take: from a client, from a peer, back in an answer. "" = does not pass.</summary>
public sealed class ProxyMetadataTests
{
    [Theory]
    [InlineData("x-a: 1", "x-a: 1", "x-a: 1", "x-a: 1")]
    [InlineData(":path: /a/b", "", "", "")]
    [InlineData(":authority: a", "", "", "")]
    [InlineData("host: a", "", "", "")]
    [InlineData("te: trailers", "", "", "")]
    [InlineData("user-agent: x", "", "", "")]
    [InlineData("content-type: application/grpc", "", "", "")]
    [InlineData("content-length: 9", "", "", "")]
    [InlineData("grpc-timeout: 1S", "", "", "")]
    [InlineData("grpc-encoding: gzip", "", "", "")]
    [InlineData("grpc-status: 0", "", "", "")]
    [InlineData("grpc-message: x", "", "", "")]
    [InlineData("grpc-message-type: x", "", "", "")]
    [InlineData("grpc-accept-encoding: gzip,br", "grpc-accept-encoding: gzip,br", "grpc-accept-encoding: gzip,br", "grpc-accept-encoding: gzip,br")]
    [InlineData("grpc-status-details-bin: AA", "grpc-status-details-bin: AA", "grpc-status-details-bin: AA", "grpc-status-details-bin: AA")]
    [InlineData("grpc-trace-bin: AA", "grpc-trace-bin: AA", "grpc-trace-bin: AA", "grpc-trace-bin: AA")]
    [InlineData("x-bin: AAE=", "x-bin: AAE", "x-bin: AAE", "x-bin: AAE")]
    [InlineData("x: AAE=", "x: AAE=", "x: AAE=", "x: AAE=")]
    [InlineData("dapr-app-id: b", "", "", "dapr-app-id: b")]
    [InlineData("dapr-callee-app-id: b", "dapr-callee-app-id: b", "dapr-callee-app-id: b", "dapr-callee-app-id: b")]
    [InlineData("dapr-caller-app-id: a", "", "dapr-caller-app-id: a", "dapr-caller-app-id: a")]
    [InlineData("dapr-caller-namespace: a", "", "dapr-caller-namespace: a", "dapr-caller-namespace: a")]
    [InlineData("dapr-api-token: t", "dapr-api-token: t", "dapr-api-token: t", "dapr-api-token: t")]
    [InlineData("dapr-stream: TRUE ", "dapr-stream: TRUE ", "dapr-stream: TRUE ", "dapr-stream: TRUE ")]
    public void Field_EachWay_PassesOrNot(string field, string fromClient, string fromPeer, string inAnswer)
    {
        var at = field.IndexOf(": ", StringComparison.Ordinal);
        var head = ProxyRig.List((field[..at], field[(at + 2)..]));

        Assert.Equal(fromClient, Request(head, ProxyOrigin.Client));
        Assert.Equal(fromPeer, Request(head, ProxyOrigin.Peer));
        var answer = new HeaderList();
        ProxyMetadata.CopyAnswer(head, answer, withDetails: true);
        Assert.Equal(inAnswer, Shown(answer));
    }

    [Theory]
    [InlineData("dapr-app-id", "x", "dapr-callee-app-id", "b", "b")]
    [InlineData("dapr-callee-app-id", "b", "dapr-app-id", "x", "b")]
    [InlineData("dapr-app-id", "b", "dapr-app-id", "x", "b")]
    [InlineData("dapr-callee-app-id", "", "dapr-app-id", "x", "")]
    public void Target_NamedTwice_CalleeThenFirst(string first, string firstValue, string second, string secondValue, string target)
    {
        var head = ProxyRig.List((first, firstValue), (second, secondValue));
        var fields = ProxyMetadata.CopyRequest(head, ProxyOrigin.Client, new HeaderList());

        Assert.Equal(target, Encoding.UTF8.GetString(head.Value(fields.Target)));
    }

    private static string Request(HeaderList head, ProxyOrigin origin)
    {
        var metadata = new HeaderList();
        ProxyMetadata.CopyRequest(head, origin, metadata);
        return Shown(metadata);
    }

    private static string Shown(HeaderList list) => string.Join(
        '\n', Enumerable.Range(0, list.Count).Select(i => $"{Encoding.UTF8.GetString(list.Name(i))}: {Encoding.UTF8.GetString(list.Value(i))}"));
}
