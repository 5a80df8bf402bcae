using System.Text;
using FastSidecar.Protocol.Protobuf;
using FastSidecar.Transport.Headers;

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

    /// <summary>
    /// Keys are compared with earlier ones only up to this many fields. Go never encodes a key twice; the look-up costs the square of the
    /// number, and a message of 4 MiB holds half a million entries.
    /// </summary>
    private const int FieldsCheckedForRepeats = 1024;

    private byte[] _text = new byte[InitialTextBytes];
    private int _textUsed;

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
    internal abstract void Merge(ReadOnlySpan<byte> envelope, ref ReadOnlySpan<byte> dataValue);

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
    protected TextRange Keep(ReadOnlySpan<byte> content) => KeepBytes(WireReader.Text(content));

    private TextRange KeepBytes(ReadOnlySpan<byte> content)
    {
        if (_text.Length - _textUsed < content.Length)
        {
            Array.Resize(ref _text, Math.Max(checked(_textUsed + content.Length), _text.Length * 2));
        }

        content.CopyTo(_text.AsSpan(_textUsed));
        var text = new TextRange(_textUsed, content.Length);
        _textUsed += content.Length;
        return text;
    }

    /// <summary>Empties a list; one that a single message made large is replaced.</summary>
    protected static void Clear(ref HeaderList headers)
    {
        if (headers.Count > FieldsCheckedForRepeats)
        {
            headers = new HeaderList();
        }

        headers.Clear();
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

    /// <summary>
    /// Reads one entry of a <c>map&lt;string, ListStringValue&gt;</c> into one field per value. A key that came before loses its old
    /// values, as in a Go map; a list without values leaves no field.
    /// </summary>
    /// <param name="entry">1 key, 2 value.</param>
    /// <param name="headers">Gets the fields.</param>
    /// <param name="seenKeys">
    /// A bit for each key that came, by a hash: a key whose bit is not set is new. 0 before the map's first entry.
    /// </param>
    protected static void MergeMapEntry(ReadOnlySpan<byte> entry, HeaderList headers, ref ulong seenKeys)
    {
        ReadOnlySpan<byte> key = default;
        ReadOnlySpan<byte> list = default;
        var lists = 0;
        var isText = Ascii.IsValid(entry);
        var reader = new WireReader(entry);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                key = isText ? content : WireReader.Text(content);
            }
            else if (field.Is(2, WireType.Bytes))
            {
                list = content;
                lists++;
            }
        }

        var bit = KeyBit(key);
        if ((seenKeys & bit) != 0 && headers.Count <= FieldsCheckedForRepeats)
        {
            RemoveExactly(headers, key);
        }

        seenKeys |= bit;
        if (lists <= 1)
        {
            AddValues(list, key, headers, isText);
            return;
        }

        // The value came in parts, which merge: never written by an encoder.
        reader = new WireReader(entry);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(2, WireType.Bytes))
            {
                AddValues(content, key, headers, isText);
            }
        }
    }

    private static ulong KeyBit(ReadOnlySpan<byte> key) =>
        key.IsEmpty ? 1 : 1UL << ((key.Length + (key[^1] * 5) + (key[key.Length / 2] * 11)) & 63);

    private static void AddValues(ReadOnlySpan<byte> list, ReadOnlySpan<byte> key, HeaderList headers, bool isText)
    {
        var reader = new WireReader(list);
        while (reader.TryReadField(out var field, out var content))
        {
            if (field.Is(1, WireType.Bytes))
            {
                headers.Add(key, isText ? content : WireReader.Text(content));
            }
        }
    }

    /// <summary>By case, and not with the list's own look-up, which finds only ASCII names.</summary>
    private static void RemoveExactly(HeaderList headers, ReadOnlySpan<byte> key)
    {
        for (var i = headers.Count - 1; i >= 0; i--)
        {
            if (headers.Name(i).SequenceEqual(key))
            {
                headers.RemoveAt(i);
            }
        }
    }
}
