using System.Text;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Api.Grpc;

/// <summary>The public gRPC port. Its API is not built yet: the port is taken, as scripts expect, and every call is told so.</summary>
internal sealed class GrpcService(ProxiedCalls proxied) : IHttp2StreamHandler
{
    private static readonly HeaderList Unimplemented = Answer();

    public void OnStream(Http2Stream stream)
    {
        var head = new GrpcCallHead(stream.Headers);
        if (head.Refusal() is { } refusal)
        {
            var answers = new GrpcAnswers();
            answers.Start(stream);
            answers.Refuse(refusal);
            stream.Dispose();
            return;
        }

        if (!head.Path.StartsWith("/dapr.proto.runtime.v1.Dapr/"u8))
        {
            proxied.Run(stream);
            return;
        }

        stream.WriteHead(Unimplemented, endStream: true);
        stream.Flush();
        stream.Dispose();
    }

    private static HeaderList Answer()
    {
        var answer = new HeaderList();
        answer.Add(":status"u8, "200"u8);
        answer.Add("content-type"u8, "application/grpc"u8);
        answer.Add("grpc-status"u8, "12"u8);
        answer.Add("grpc-message"u8, Encoding.ASCII.GetBytes("the gRPC API is not part of this version"));
        return answer;
    }
}
