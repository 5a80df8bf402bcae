using System.Diagnostics;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// Header blocks that arrive: decodes and judges them. The heads of a connection are nearly all alike, so how they begin is remembered, and
/// what is behind that (a trace context, often nothing) is all that is decoded and judged.
/// </summary>
/// <remarks>
/// Only leading fields that are indices are remembered, from a block that left the table as it was. The first head of a kind hardly ever
/// does, so a connection that is used once remembers nothing; and a literal, which is a secret or will not come again, is never kept.
/// </remarks>
internal sealed class HeadDecoder
{
    /// <summary>A client needs a response head and trailers, a server as many as there are kinds of requests. 1 KiB each.</summary>
    private const int MostPrefixes = 4;

    private readonly HpackDecoder _decoder;
    private readonly HeadPrefixes _prefixes = new(MostPrefixes);

    public HeadDecoder(HpackDecoder decoder)
    {
        _decoder = decoder;
    }

    /// <summary>
    /// Adds the block's fields to the empty list <paramref name="head"/>. <paramref name="facts"/> are complete when nothing is wrong.
    /// </summary>
    /// <exception cref="Http2ConnectionException">COMPRESSION_ERROR.</exception>
    public MalformedReason Read(HeadKind kind, ReadOnlySpan<byte> block, HeaderList head, out HeadFacts facts)
    {
        Debug.Assert(head.Count == 0, "a block is the whole head");
        var version = _decoder.Version;
        facts = HeadFacts.None;
        if (_prefixes.Find(kind, block, version) is not { } known)
        {
            Decode(block, head);
            return Judge(kind, block, head, default, version, ref facts);
        }

        facts = known.Facts;
        known.Fields.CopyTo(head);
        if (known.Run.BlockBytes == block.Length)
        {
            return HeadRules.CheckWhole(kind, facts);
        }

        DecodeBehind(known.Run, block, head);
        return Judge(kind, block, head, known.Run, version, ref facts);
    }

    /// <summary>Decodes a block that nobody wants: the table must follow it too.</summary>
    public void Skip(ReadOnlySpan<byte> block, HeaderList head) => Decode(block, head);

    private MalformedReason Judge(
        HeadKind kind, ReadOnlySpan<byte> block, HeaderList head, HpackIndexRun known, long version, ref HeadFacts facts)
    {
        if (_decoder.TooLarge)
        {
            return MalformedReason.TooLarge;
        }

        var judged = known.Fields;
        var run = _decoder.IndexRun;
        if (run.Fields > judged && version == _decoder.Version && HeadPrefix.Fits(head, run))
        {
            var early = HeadRules.Check(kind, head, judged, run.Fields, ref facts);
            if (early != MalformedReason.None)
            {
                return early;
            }

            _prefixes.Replace(version).Set(kind, block, head, run, version, facts);
            judged = run.Fields;
        }

        var reason = HeadRules.Check(kind, head, judged, head.Count, ref facts);
        return reason == MalformedReason.None ? HeadRules.CheckWhole(kind, facts) : reason;
    }

    private void Decode(ReadOnlySpan<byte> block, HeaderList head)
    {
        try
        {
            _decoder.Decode(block, head);
        }
        catch (HpackException malformed)
        {
            throw Http2Faults.Compression(malformed.Message, malformed);
        }
    }

    private void DecodeBehind(HpackIndexRun known, ReadOnlySpan<byte> block, HeaderList head)
    {
        try
        {
            _decoder.DecodeBehind(known, block, head);
        }
        catch (HpackException malformed)
        {
            throw Http2Faults.Compression(malformed.Message, malformed);
        }
    }
}
