using FastSidecar.Conformance.Http2;

namespace FastSidecar.Conformance.Grpc;

/// <summary>Frames of one direction of a connection from bytes in any cut; header blocks are put together and decoded.</summary>
internal sealed class FrameDecoder(int prefaceBytes, Action<FrameDecoder.Decoded> note)
{
    private readonly MemoryStream _block = new();
    private readonly HpackReader _hpack = new();
    private readonly List<byte> _bytes = [];
    private int _skip = prefaceBytes;
    private bool _blockEndsStream;

    /// <param name="Frame">The frame.</param>
    /// <param name="Fields">The header list, with the last frame of its block.</param>
    /// <param name="EndsStream">END_STREAM, told when the block is whole.</param>
    public readonly record struct Decoded(Http2Frame Frame, List<(string Name, string Value)>? Fields, bool EndsStream);

    public void Take(ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        var skipped = Math.Min(_skip, _bytes.Count);
        _bytes.RemoveRange(0, skipped);
        _skip -= skipped;
        while (Http2Frame.TryRead(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes), out var consumed) is { } frame)
        {
            _bytes.RemoveRange(0, consumed);
            note(Decode(frame));
        }
    }

    private Decoded Decode(Http2Frame frame)
    {
        switch (frame.Type)
        {
            case Http2FrameType.Headers:
                _block.SetLength(0);
                _block.Write(frame.Content);
                _blockEndsStream = frame.Has(Http2Frame.EndStream);
                return EndBlock(frame);
            case Http2FrameType.Continuation:
                _block.Write(frame.Payload);
                return EndBlock(frame);
            case Http2FrameType.Data:
                return new Decoded(frame, null, frame.Has(Http2Frame.EndStream));
            default:
                return new Decoded(frame, null, false);
        }
    }

    private Decoded EndBlock(Http2Frame frame) =>
        frame.Has(Http2Frame.EndHeaders) ? new Decoded(frame, _hpack.Read(_block.ToArray()), _blockEndsStream) : new Decoded(frame, null, false);
}
