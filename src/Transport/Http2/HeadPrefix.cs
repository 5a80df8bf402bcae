using System.Diagnostics;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// The first fields of a head that crossed the connection, as fields and as the bytes of its header block, found to be in order. The next
/// head that begins so needs neither HPACK nor the rules for them.
/// </summary>
/// <remarks>Its memory is bounded and never grows: about 1 KiB.</remarks>
internal sealed class HeadPrefix
{
    /// <summary>Names and values: more than twice what a call between sidecars has.</summary>
    private const int MaxTextBytes = 768;

    private const int MaxFields = 24;

    /// <summary>An index takes one byte, or two when the table is full of short fields.</summary>
    private const int MaxBlockBytes = 2 * MaxFields;

    private readonly HeaderList _fields = new(MaxTextBytes, MaxFields);
    private readonly byte[] _block = new byte[MaxBlockBytes];

    public HeaderList Fields => _fields;

    public HpackIndexRun Run { get; private set; }

    public ReadOnlySpan<byte> Block => _block.AsSpan(0, Run.BlockBytes);

    /// <summary>The coder's version, without which the bytes may stand for something else.</summary>
    public long Version { get; private set; }

    /// <summary>By whose rules the fields are in order.</summary>
    public HeadKind Kind { get; private set; }

    public HeadFacts Facts { get; private set; }

    /// <summary>A head has begun so since the set last looked for a place.</summary>
    public bool IsUsed { get; set; }

    public static bool Fits(HeaderList head, HpackIndexRun run) =>
        run.Fields <= MaxFields && run.BlockBytes <= MaxBlockBytes && head.BytesOfFirst(run.Fields) <= MaxTextBytes;

    public void Set(HeadKind kind, ReadOnlySpan<byte> block, HeaderList head, HpackIndexRun run, long version, in HeadFacts facts)
    {
        Debug.Assert(Fits(head, run), "what is remembered is bounded");
        _fields.Clear();
        head.CopyTo(_fields, run.Fields);
        block[..run.BlockBytes].CopyTo(_block);
        Kind = kind;
        Run = run;
        Version = version;
        Facts = facts;
        IsUsed = false;
    }
}
