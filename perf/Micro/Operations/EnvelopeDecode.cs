using System.Text;
using FastSidecar.Protocol.Peer;

namespace FastSidecar.Micro.Operations;

/// <summary>The first message of a call between sidecars read, head and body, from bytes that are all there.</summary>
/// <param name="encoded">Makes the message.</param>
/// <param name="head">Is filled again and again.</param>
internal abstract class EnvelopeDecode(string name, string title, EnvelopeEncode encoded, PeerHead head) : Operation(name, title)
{
    private const int MaxMessageBytes = 4 * 1024 * 1024;

    private readonly PeerMessageReader _reader = new();
    private readonly RepeatedInput _input = Input(encoded);

    public override int Run()
    {
        _input.Rewind();
        _reader.Start(new PeerInput(_input, default, MaxMessageBytes, IsUnary: false, End: null));
        var headRead = _reader.ReadHeadAsync(head, CancellationToken.None);
        headRead.GetAwaiter().GetResult();
        var read = _reader.ReadAsync(CancellationToken.None).GetAwaiter().GetResult();
        var length = (int)read.Buffer.Length;
        _reader.AdvanceTo(read.Buffer.End);
        _reader.Complete();
        return length;
    }

    public override string Result() => $"{Run()} bytes\n{HeadText()}";

    protected abstract string HeadText();

    private static RepeatedInput Input(EnvelopeEncode encoded)
    {
        encoded.Run();
        return new RepeatedInput(encoded.Written.ToArray());
    }
}

internal sealed class RequestDecode : EnvelopeDecode
{
    private readonly PeerRequestHead _head;

    public RequestDecode()
        : this(new PeerRequestHead())
    {
    }

    private RequestDecode(PeerRequestHead head)
        : base("envelope-decode-request", "Peer request message with 1 KiB read", new RequestEncode(), head)
    {
        _head = head;
    }

    protected override string HeadText() =>
        $"{_head.Verb} {Encoding.UTF8.GetString(_head.Method)}?{Encoding.UTF8.GetString(_head.Query)}\n{PeerHeads.Text(_head.Metadata)}";
}

internal sealed class ResponseDecode : EnvelopeDecode
{
    private readonly PeerResponseHead _head;

    public ResponseDecode()
        : this(new PeerResponseHead())
    {
    }

    private ResponseDecode(PeerResponseHead head)
        : base("envelope-decode-response", "Peer response message with 1 KiB read", new ResponseEncode(), head)
    {
        _head = head;
    }

    protected override string HeadText() => $"{_head.StatusCode}\n{PeerHeads.Text(_head.Headers)}";
}
