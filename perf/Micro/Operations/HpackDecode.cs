using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Micro.Operations;

internal sealed class HpackDecode : Operation
{
    private readonly HpackDecoder _decoder = new(1 << 20);
    private readonly HeaderList _list = new();
    private readonly byte[][] _blocks;
    private int _next;

    /// <param name="heads">Received in turn.</param>
    public HpackDecode(string name, string title, Func<HeaderList[]> heads)
        : base(name, title)
    {
        var encoder = new HpackEncoder();
        var lists = heads();

        // The first blocks fill the tables of both ends; later ones change nothing, so they may come again and again.
        foreach (var list in lists)
        {
            _decoder.Decode(Block(encoder, list), _list);
        }

        _blocks = [.. lists.Select(list => Block(encoder, list))];
    }

    public override int Run()
    {
        _list.Clear();
        _decoder.Decode(_blocks[_next], _list);
        _next = _next + 1 == _blocks.Length ? 0 : _next + 1;
        return _list.Count;
    }

    public override string Result()
    {
        Run();
        return PeerHeads.Text(_list);
    }

    private static byte[] Block(HpackEncoder encoder, HeaderList list)
    {
        using var block = new PooledBufferWriter();
        encoder.Encode(list, block);
        return block.WrittenSpan.ToArray();
    }
}
