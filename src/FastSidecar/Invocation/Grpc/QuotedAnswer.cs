using System.Buffers;
using System.IO.Pipelines;

namespace FastSidecar.Invocation.Grpc;

/// <summary>The beginning of an answer that is no gRPC: what it said helps to find out who it was.</summary>
internal static class QuotedAnswer
{
    /// <summary>So much is quoted, as grpc-go does it (internal/transport/http2_client.go).</summary>
    private const int MostBytes = 1024;

    /// <summary>The error with what there is of the body.</summary>
    public static async ValueTask<InvokeError> ReadAsync(InvokeError error, PipeReader input, CancellationToken cancellationToken)
    {
        var body = new byte[MostBytes];
        var count = 0;
        try
        {
            while (count < body.Length)
            {
                var read = await input.ReadAsync(cancellationToken);
                var piece = read.Buffer.Slice(0, Math.Min(read.Buffer.Length, body.Length - count));
                piece.CopyTo(body.AsSpan(count));
                count += (int)piece.Length;
                input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }
        }
        catch (IOException)
        {
            // It broke off: what came is quoted.
        }

        return GrpcFailure.WithBody(error, body.AsSpan(0, count));
    }
}
