using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using FastSidecar.Transport.Async;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// Sends body pieces as payload messages, numbered from where the first message left off: short pieces are copied between prefix and
/// suffix, long ones are sent from where they lie. One per call, reused.
/// </summary>
internal sealed class PayloadSender(int maxMessageBytes)
{
    /// <summary>Pieces up to this size are copied: the copy is cheaper than one more entry in a gather write.</summary>
    public const int MaxCopiedBytes = 4096;

    /// <summary>
    /// Most data in one message. The peer's limit is its own --max-body-size, which we do not know and which counts per message; daprd
    /// sends 2 KiB pieces. 8 KiB passes every limit that lets an ordinary request through, and its envelope costs under 1 %.
    /// </summary>
    private const int MaxDataBytes = 8 * 1024;

    /// <summary>Room for the envelope around the data.</summary>
    private const int EnvelopeBytes = PeerPayloadEncoder.MaxPrefixBytes + PeerPayloadEncoder.MaxSuffixBytes;

    private readonly int _maxDataBytes = Math.Max(1, Math.Min(MaxDataBytes, maxMessageBytes - EnvelopeBytes));
    private ulong _seq;

    /// <param name="firstSeq">0, or 1 when the first message already carried data.</param>
    public void Start(ulong firstSeq) => _seq = firstSeq;

    /// <summary>
    /// Buffers or sends all of <paramref name="data"/>, which may be given back when the call completes. True when the peer wants no more
    /// of it.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<bool> SendAsync(PipeWriter output, ReadOnlySequence<byte> data, CancellationToken cancellationToken)
    {
        while (!data.IsEmpty)
        {
            var piece = data.Length <= _maxDataBytes ? data : data.Slice(0, _maxDataBytes);
            data = data.Slice(piece.End);
            var seq = _seq++;
            if (piece.Length <= MaxCopiedBytes)
            {
                PeerPayloadEncoder.Write(output, piece, seq, maxMessageBytes);
                continue;
            }

            PeerPayloadEncoder.WritePrefix(output, piece.Length, seq, maxMessageBytes);
            foreach (var memory in piece)
            {
                if ((await output.WriteAsync(memory, cancellationToken)).IsCompleted)
                {
                    return true;
                }
            }

            PeerPayloadEncoder.WriteSuffix(output, seq);
        }

        // Back pressure for a run of short pieces: what is buffered leaves before more is taken.
        return output.UnflushedBytes > MaxCopiedBytes && (await output.FlushAsync(cancellationToken)).IsCompleted;
    }
}
