using System.Buffers;
using System.Diagnostics;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Header blocks that leave. How the last heads began is remembered, so that the same fields are neither checked nor encoded again; see
/// <see cref="HeadDecoder"/> for what is remembered. The bytes are those that the HPACK encoder alone would write.
/// </summary>
internal sealed class HeadEncoder
{
    /// <summary>A server has a response head and trailers, a client request heads with a trace context and without. 1 KiB each.</summary>
    private const int MostPrefixes = 3;

    /// <summary>The block's buffer is kept up to this size.</summary>
    private const int KeptBlockBytes = 64 * 1024;

    private readonly HpackEncoder _encoder;
    private readonly HeadPrefixes _prefixes = new(MostPrefixes);
    private ArrayBufferWriter<byte> _block = new();

    public HeadEncoder(HpackEncoder encoder)
    {
        _encoder = encoder;
    }

    /// <summary>The peer's SETTINGS_HEADER_TABLE_SIZE.</summary>
    public void SetPeerTableBytes(uint bytes) => _encoder.SetPeerTableBytes(bytes);

    /// <summary>What is known of a head's beginning. Good until the next block is encoded or the table's size is set.</summary>
    public HeadPrefix? Recall(HeaderList head) => _prefixes.Find(head, _encoder.Version);

    /// <summary>The same of a head that was not checked yet.</summary>
    /// <exception cref="ArgumentException">A name or value that HTTP/2 does not allow.</exception>
    public HeadPrefix? RecallChecked(HeaderList head)
    {
        var known = Recall(head);
        HeadRules.ThrowIfUnsendable(head, known is null ? 0 : known.Run.Fields);
        return known;
    }

    /// <summary>The block of a head that was checked; valid until the next call.</summary>
    public ReadOnlySpan<byte> Encode(HeaderList head, HeadPrefix? known)
    {
        var version = _encoder.Version;
        if (known is null)
        {
            _block.ResetWrittenCount();
            _encoder.Encode(head, _block);
        }
        else
        {
            Debug.Assert(known.Version == version && head.StartsWith(known.Fields), "nothing has changed since the look-up");
            if (known.Run.Fields == head.Count)
            {
                return known.Block;
            }

            _block.ResetWrittenCount();
            _block.Write(known.Block);
            _encoder.EncodeBehind(known.Run, head, _block);
        }

        var run = _encoder.IndexRun;
        if (run.Fields > (known is null ? 0 : known.Run.Fields) && version == _encoder.Version && HeadPrefix.Fits(head, run))
        {
            _prefixes.Replace(version).Set(HeadKind.Ours, _block.WrittenSpan, head, run, version, HeadFacts.None);
        }

        return _block.WrittenSpan;
    }

    /// <summary>The block has been taken: a large buffer is given up.</summary>
    public void Release()
    {
        if (_block.Capacity > KeptBlockBytes)
        {
            _block = new ArrayBufferWriter<byte>();
        }
    }
}
