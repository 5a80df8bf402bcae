using System.Buffers;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Proxy;

/// <summary>What the caller of a proxied call is told, as grpc-go's server writes it. Reused.</summary>
internal sealed class ProxyAnswer
{
    private static readonly SearchValues<byte> PlainMessageBytes = SearchValues.Create(
        " !\"#$&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    private HeaderList _fields = new();
    private readonly PackedMessages _packed = new();
    private Http2Stream _stream = null!;
    private bool _ended;
    private bool _isBulky;

    /// <summary>The caller has sent gzip: it gets gzip.</summary>
    public bool Packs { get; set; }

    /// <summary>The caller's baggage, found valid, is given back with the head.</summary>
    public bool EchoesBaggage { get; set; }

    public bool HasHead { get; private set; }

    public void Start(Http2Stream stream)
    {
        _stream = stream;
        HasHead = false;
        Packs = false;
        EchoesBaggage = false;
        _ended = false;
    }

    public void Clear()
    {
        _stream = null!;
        _packed.Clear();
        if (_isBulky)
        {
            _isBulky = false;
            _fields = new HeaderList();
        }
    }

    /// <summary>The head of an answer that goes on behind it.</summary>
    public void WriteHead(HeaderList target)
    {
        BeginHead();
        if (Packs)
        {
            _fields.Add("grpc-encoding"u8, "gzip"u8);
        }

        if (EchoesBaggage)
        {
            Baggage.Echo(_stream.Headers, _fields);
        }

        ProxyMetadata.CopyAnswer(target, _fields, withDetails: true);
        _isBulky = HeaderMemory.IsBulky(_fields);
        _stream.WriteHead(_fields, endStream: false);
        HasHead = true;
    }

    /// <summary>Buffers or sends pieces of messages. True when the caller wants no more.</summary>
    public ValueTask<bool> SendAsync(in ReadOnlySequence<byte> data, CancellationToken cancellationToken) => Packs
        ? _packed.SendAsync(_stream.Output, data, cancellationToken)
        : MessageOutput.SendAsync(_stream.Output, data, cancellationToken);

    /// <summary>Ends as the target ended; in one piece when it has said nothing else.</summary>
    /// <param name="target">The target's trailers, or its only head.</param>
    public void End(HeaderList target)
    {
        if (HasHead)
        {
            _fields.Clear();
        }
        else
        {
            BeginHead();
        }

        var withDetails = AddStatus(target);
        ProxyMetadata.CopyAnswer(target, _fields, withDetails);
        _ended = true;
        Leave();
    }

    /// <summary>The call has failed, before or after something of its answer left. Nothing when the whole answer has left already.</summary>
    public void Fail(GrpcStatusCode code, string text)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        if (HasHead)
        {
            _fields.Clear();
        }
        else
        {
            BeginHead();
        }

        GrpcAnswers.AddStatus(_fields, code, text, default);
        Leave();
    }

    private void Leave()
    {
        _isBulky |= HeaderMemory.IsBulky(_fields);
        if (HasHead)
        {
            _stream.End(_fields);
        }
        else
        {
            _stream.WriteHead(_fields, endStream: true);
        }
    }

    private void BeginHead()
    {
        _fields.Clear();
        _fields.Add(":status"u8, "200"u8);
        _stream.Headers.TryGet("content-type"u8, out var contentType);
        GrpcAnswers.AddContentType(_fields, contentType);
    }

    /// <summary>The status in grpc-go's form; false when its details do not belong to it.</summary>
    private bool AddStatus(HeaderList target)
    {
        if (target.TryGet("grpc-status"u8, out var status) && status is [(byte)'0'])
        {
            // A message beside OK is lost on the way through grpc-go.
            _fields.Add("grpc-status"u8, "0"u8);
            _fields.Add("grpc-message"u8, default);
            return true;
        }

        if (!target.Contains("grpc-status-details-bin"u8) && status is [>= (byte)'1' and <= (byte)'9'] or [(byte)'1', >= (byte)'0' and <= (byte)'6'] &&
            (!target.TryGet("grpc-message"u8, out var message) || !message.ContainsAnyExcept(PlainMessageBytes)))
        {
            _fields.Add("grpc-status"u8, status);
            _fields.Add("grpc-message"u8, message);
            return true;
        }

        var error = GrpcFailure.OfStatus(target);
        GrpcAnswers.AddStatus(_fields, error?.Code ?? GrpcStatusCode.OK, error?.Text ?? "", default);
        return error is null || (GrpcStatusText.TryParse(status, out var code) && code == error.Code);
    }
}
