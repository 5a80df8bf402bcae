using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Transport.Buffers;

namespace FastSidecar.Api.Peer;

/// <summary>Bodies of CallLocal, which travel in one message and are collected for that.</summary>
internal static class UnaryBody
{
    /// <summary>
    /// The whole body. One that cannot fit into a message is read as far as that is certain: the encoder refuses it then, as grpc-go does,
    /// with the size that it had come to, and disposing the response breaks the app off.
    /// </summary>
    public static async ValueTask<ReadOnlySequence<byte>> ReadAsync(PipeReader reader, int mostBytes, CancellationToken cancellationToken)
    {
        using var all = new PooledBufferWriter();
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            foreach (var piece in read.Buffer)
            {
                all.Write(piece.Span);
            }

            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || all.WrittenCount > mostBytes)
            {
                return new ReadOnlySequence<byte>(all.WrittenSpan.ToArray());
            }
        }
    }
}
