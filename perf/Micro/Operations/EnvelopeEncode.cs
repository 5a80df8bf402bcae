using System.Buffers;
using System.Security.Cryptography;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Micro.Operations;

/// <summary>The first message of a call between sidecars, with 1 KiB in it.</summary>
internal abstract class EnvelopeEncode(string name, string title) : Operation(name, title)
{
    protected const int MaxMessageBytes = 4 * 1024 * 1024;

    protected PooledBufferWriter Output { get; } = new();

    protected ReadOnlySequence<byte> Body { get; } = new(Content.OneKibibyte());

    /// <summary>What the last run wrote.</summary>
    public ReadOnlySpan<byte> Written => Output.WrittenSpan;

    /// <summary>That the bytes are right is shown by the protocol's own tests; here they only have to stay the same.</summary>
    public override string Result()
    {
        Run();
        return $"{Written.Length} {Convert.ToHexStringLower(SHA256.HashData(Written))[..16]}";
    }
}

internal sealed class RequestEncode() : EnvelopeEncode("envelope-encode-request", "Peer request message with 1 KiB written")
{
    private readonly HeaderList _metadata = Content.RequestMetadata();

    public override int Run()
    {
        Output.Clear();
        var fields = new PeerRequestFields(_metadata)
        {
            Method = "api/orders"u8, Verb = HttpVerb.Post, Query = "x=1"u8, ContentType = "application/json"u8,
        };
        PeerRequestEncoder.WriteFirst(Output, fields, Body, MaxMessageBytes);
        return Output.WrittenCount;
    }
}

internal sealed class ResponseEncode() : EnvelopeEncode("envelope-encode-response", "Peer response message with 1 KiB written")
{
    private readonly HeaderList _headers = Content.ResponseHeaders();

    public override int Run()
    {
        Output.Clear();
        var fields = new PeerResponseFields(_headers) { StatusCode = 200, ContentType = "application/json"u8 };
        PeerResponseEncoder.WriteFirst(Output, fields, Body, MaxMessageBytes);
        return Output.WrittenCount;
    }
}
