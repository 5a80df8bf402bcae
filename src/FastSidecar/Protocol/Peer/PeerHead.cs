using System.Text;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Protocol.Peer;

/// <summary>
/// The decoded first message of a call, in memory of its own: it stays valid when the bytes it came from are gone. Reused by its owner; not
/// thread-safe.
/// Spans are valid until the next read into this object.
/// </summary>
internal abstract class PeerHead
{
    private const int InitialTextBytes = 256;

    /// <summary>A head that grew beyond this gives its memory back: it is kept by a pool, and hardly any head is as large.</summary>
    protected const int KeptBytes = 64 * 1024;

    private byte[] _text = new byte[InitialTextBytes];
    private int _textUsed;

    /// <summary>
    /// The envelope that is being merged is ASCII throughout, so that no text in it needs a check of its own. So are most requests; a
    /// response is not where its status code is above 127, and then each of its texts is looked at.
    /// </summary>
    private bool _isAscii;

    /// <summary>Where a string lies in the object's own memory.</summary>
    protected readonly record struct TextRange(int Start, int Length);

    /// <summary>There was a <c>message.data</c>, though perhaps an empty one.</summary>
    public bool HasData { get; private set; }

    /// <summary>
    /// <c>message.data</c> held a body. On the stream it is dropped, and the type URL with it, as Dapr does; on a unary call it is what the
    /// reader delivers.
    /// </summary>
    public bool HasDataValue { get; private set; }

    /// <summary>Dapr's words for a later message that repeats what only the first may say.</summary>
    internal abstract string StrayFieldsText { get; }

    /// <summary>Read by a callee, as against a caller; grpc-go answers some things differently as a server.</summary>
    internal abstract bool IsRequest { get; }

    /// <summary>grpc-go's words before the reason why the message of a unary call could not be parsed.</summary>
    internal abstract string UnaryParseFailure { get; }

    /// <summary>
    /// Adds one occurrence of the <c>request</c> or <c>response</c> field (proto3: later scalars replace, maps and sub-messages merge).
    /// <paramref name="dataValue"/> becomes the body in it, if there is one.
    /// </summary>
    /// <exception cref="ProtobufException">Go would refuse these bytes.</exception>
    internal void Merge(ReadOnlySpan<byte> envelope, ref ReadOnlySpan<byte> dataValue)
    {
        _isAscii = Ascii.IsValid(envelope);
        MergeEnvelope(envelope, ref dataValue);
    }

    protected abstract void MergeEnvelope(ReadOnlySpan<byte> envelope, ref ReadOnlySpan<byte> dataValue);

    /// <summary>A field that only the first message of a stream may carry.</summary>
    internal abstract bool IsLeadingOnly(in FieldHead field);

    /// <summary>What is wrong with the head as a whole; null when it is complete.</summary>
    protected abstract PeerMessageException? Missing(bool isUnary);

    internal void ThrowIfIncomplete(bool isUnary)
    {
        if (Missing(isUnary) is { } missing)
        {
            throw missing;
        }
    }

    /// <summary>The stream ended well before its first message.</summary>
    internal abstract PeerMessageException NoMessage();

    /// <summary>Back to the state of a new object; memory is kept.</summary>
    internal virtual void Clear()
    {
        _textUsed = 0;
        HasData = false;
        HasDataValue = false;
        if (_text.Length > KeptBytes)
        {
            _text = new byte[InitialTextBytes];
        }
    }

    /// <summary>All occurrences are merged.</summary>
    internal void Finish(bool hasDataValue, bool isUnary)
    {
        HasDataValue = hasDataValue;
        if (hasDataValue && !isUnary)
        {
            DropTypeUrl();
        }
    }

    protected abstract void DropTypeUrl();

    protected ReadOnlySpan<byte> Span(TextRange text) => _text.AsSpan(text.Start, text.Length);

    /// <summary>Keeps a proto3 string.</summary>
    protected TextRange Keep(ReadOnlySpan<byte> content)
    {
        Check(content);
        if (_text.Length - _textUsed < content.Length)
        {
            Array.Resize(ref _text, Math.Max(checked(_textUsed + content.Length), _text.Length * 2));
        }

        content.CopyTo(_text.AsSpan(_textUsed));
        var text = new TextRange(_textUsed, content.Length);
        _textUsed += content.Length;
        return text;
    }

    /// <summary>Refuses what proto3 forbids in a <c>string</c> field.</summary>
    protected void Check(ReadOnlySpan<byte> content)
    {
        if (!_isAscii)
        {
            WireReader.Text(content);
        }
    }

    /// <summary>Merges the entry of a map, and with it the short ones that follow it at once.</summary>
    protected void MergeEntries(ReadOnlySpan<byte> entry, HeaderMap map, int number, ref WireReader reader)
    {
        var tag = WireWriter.Tag(number, WireType.Bytes);
        do
        {
            map.Merge(entry, _isAscii);
        }
        while (reader.TryReadShort(tag, out entry));
    }

    /// <summary>Reads google.protobuf.Any: 1 type_url, 2 value.</summary>
    protected void MergeAny(ReadOnlySpan<byte> any, ref TextRange typeUrl, ref ReadOnlySpan<byte> value)
    {
        HasData = true;
        var reader = new WireReader(any);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                typeUrl = Keep(content);
            }
            else if (field.Is(2, WireType.Bytes))
            {
                value = content;
            }
        }
    }
}
