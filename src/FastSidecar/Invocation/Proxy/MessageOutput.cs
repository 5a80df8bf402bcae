using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;

namespace FastSidecar.Invocation.Proxy;

/// <summary>Passes pieces of messages to a stream: short ones are copied, so that they leave with what is written next; long ones from where they lie.</summary>
internal static class MessageOutput
{
    /// <summary>Pieces up to this size are copied: the copy is cheaper than one more entry in a gather write.</summary>
    private const int MaxCopiedBytes = 4096;

    /// <summary>
    /// Buffers or sends all of <paramref name="data"/>, which may be given back when the call completes. True when the peer wants no more of it.
    /// </summary>
    public static ValueTask<bool> SendAsync(PipeWriter output, in ReadOnlySequence<byte> data, CancellationToken cancellationToken)
    {
        if (!data.IsSingleSegment || data.FirstSpan.Length + output.UnflushedBytes > MaxCopiedBytes)
        {
            return SendLongAsync(output, data, cancellationToken);
        }

        output.Write(data.FirstSpan);
        return default;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private static async ValueTask<bool> SendLongAsync(PipeWriter output, ReadOnlySequence<byte> data, CancellationToken cancellationToken)
    {
        foreach (var memory in data)
        {
            if (memory.Length > MaxCopiedBytes)
            {
                if ((await output.WriteAsync(memory, cancellationToken)).IsCompleted)
                {
                    return true;
                }

                continue;
            }

            output.Write(memory.Span);

            // Back pressure for a run of short pieces: what is buffered leaves before more is taken.
            if (output.UnflushedBytes > MaxCopiedBytes && (await output.FlushAsync(cancellationToken)).IsCompleted)
            {
                return true;
            }
        }

        return false;
    }
}
