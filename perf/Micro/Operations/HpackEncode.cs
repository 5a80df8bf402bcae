using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Micro.Operations;

internal sealed class HpackEncode : Operation
{
    private readonly HpackEncoder _encoder = new();
    private readonly PooledBufferWriter _block = new();
    private readonly HpackDecoder _decoder = new(1 << 20);
    private readonly HeaderList _decoded = new();
    private readonly HeaderList[] _heads;
    private int _next;

    /// <param name="heads">Sent in turn.</param>
    public HpackEncode(string name, string title, Func<HeaderList[]> heads)
        : base(name, title)
    {
        _heads = heads();

        // The first blocks fill the tables of both ends; later ones change nothing, so the decoder may miss them.
        foreach (var _ in _heads)
        {
            Run();
            _decoder.Decode(_block.WrittenSpan, _decoded);
        }
    }

    public override int Run()
    {
        _block.Clear();
        _encoder.Encode(_heads[_next], _block);
        _next = _next + 1 == _heads.Length ? 0 : _next + 1;
        return _block.WrittenCount;
    }

    public override string Result()
    {
        Run();
        _decoded.Clear();
        _decoder.Decode(_block.WrittenSpan, _decoded);
        return PeerHeads.Text(_decoded);
    }
}
