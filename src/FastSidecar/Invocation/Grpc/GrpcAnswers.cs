using System.Globalization;
using System.Text;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Grpc;

/// <summary>
/// Heads, trailers and refusals that one stream is answered with. Which failures have a head of their own is grpc-go's doing: metadata that
/// was set before the status leaves in a head, and Dapr's interceptors set some once its handlers have failed.
/// </summary>
internal sealed class GrpcAnswers
{
    private static readonly HeaderList SuccessHead = Head(200, "application/grpc"u8, withTrace: false);
    private static readonly HeaderList SuccessTrailers = Trailers(GrpcStatusCode.OK, "");

    /// <summary>Heads and trailers that are not always the same.</summary>
    private HeaderList _own = new();
    private Http2Stream _stream = null!;
    private bool _headWritten;
    private bool _isBulky;

    /// <summary>The whole answer has left.</summary>
    public bool Ended { get; private set; }

    /// <summary>The status that was told, once <see cref="Ended"/>.</summary>
    public GrpcStatusCode Code { get; private set; }

    /// <summary>The head of an answer gives the caller's baggage back, which was found valid.</summary>
    public bool EchoesBaggage { get; set; }

    public void Start(Http2Stream stream)
    {
        EchoesBaggage = false;
        Code = GrpcStatusCode.OK;
        _stream = stream;
        _headWritten = false;
        Ended = false;
    }

    public void Clear()
    {
        _stream = null!;
        if (_isBulky)
        {
            _isBulky = false;
            _own = new HeaderList();
        }
    }

    /// <summary>The head of an answer with messages.</summary>
    /// <param name="withTrace">With the trace context that answers to CallLocal and failures of handlers carry.</param>
    public void WriteHead(bool withTrace)
    {
        _headWritten = true;
        _stream.Headers.TryGet("content-type"u8, out var contentType);
        if (!withTrace && !EchoesBaggage && contentType.SequenceEqual("application/grpc"u8))
        {
            _stream.WriteHead(SuccessHead, endStream: false);
            return;
        }

        var head = Head(200, contentType, withTrace);
        AddBaggage(head);
        _stream.WriteHead(head, endStream: false);
    }

    /// <summary>The head of an answer that has metadata of its own.</summary>
    /// <param name="metadata">As it is to be sent; copied.</param>
    /// <param name="isPacked">Messages will be gzip.</param>
    public void WriteHead(HeaderList metadata, bool isPacked)
    {
        _headWritten = true;
        _stream.Headers.TryGet("content-type"u8, out var contentType);
        _own.Clear();
        _own.Add(":status"u8, "200"u8);
        AddContentType(_own, contentType);
        if (isPacked)
        {
            _own.Add("grpc-encoding"u8, "gzip"u8);
        }

        AddBaggage(_own);
        metadata.CopyTo(_own);
        _isBulky |= HeaderMemory.IsBulky(_own);
        _stream.WriteHead(_own, endStream: false);
    }

    public void Succeed() => End(SuccessTrailers);

    /// <summary>Ends an answer, whose head has been written, with any status.</summary>
    /// <param name="code">The status.</param>
    /// <param name="text">Its message.</param>
    /// <param name="details">Encoded details (<see cref="RpcStatus"/>); empty for none.</param>
    /// <param name="metadata">What else stands in the trailers, as it is to be sent; copied.</param>
    public void End(GrpcStatusCode code, string text, ReadOnlySpan<byte> details, HeaderList metadata)
    {
        _own.Clear();
        AddStatus(_own, code, text, details);
        metadata.CopyTo(_own);
        _isBulky |= HeaderMemory.IsBulky(_own);
        Code = code;
        End(_own);
    }

    /// <summary>A handler's failure: a head and then trailers. Nothing when the whole answer has left already.</summary>
    public void Fail(GrpcStatusCode code, string text) => Fail(code, text, default);

    /// <summary>As the other overload, with encoded details (<see cref="RpcStatus"/>).</summary>
    public void Fail(GrpcStatusCode code, string text, ReadOnlySpan<byte> details)
    {
        if (Ended)
        {
            return;
        }

        if (!_headWritten)
        {
            WriteHead(withTrace: true);
        }

        var trailers = new HeaderList();
        AddStatus(trailers, code, text, details);
        Code = code;
        End(trailers);
    }

    /// <summary>What fails below the handler: one HEADERS frame.</summary>
    public void Refuse(GrpcStatusCode code, string text) => Refuse(new HeadRefusal(200, code, text), default);

    /// <inheritdoc cref="Refuse(GrpcStatusCode, string)"/>
    public void Refuse(HeadRefusal refusal) => Refuse(refusal, default);

    /// <summary>As the other overload, with encoded details (<see cref="RpcStatus"/>).</summary>
    public void Refuse(HeadRefusal refusal, ReadOnlySpan<byte> details)
    {
        Ended = true;
        Code = refusal.Code;
        _stream.Headers.TryGet("content-type"u8, out var contentType);
        var head = Head(refusal.Status, refusal.Status == 415 ? "application/grpc"u8 : contentType, withTrace: false);
        AddStatus(head, refusal.Code, refusal.Text, details);
        _stream.WriteHead(head, endStream: true);
        _stream.Flush();
    }

    private void AddBaggage(HeaderList head)
    {
        if (EchoesBaggage)
        {
            Baggage.Echo(_stream.Headers, head);
        }
    }

    private void End(HeaderList trailers)
    {
        Ended = true;
        _stream.End(trailers);
    }

    private static HeaderList Head(int status, ReadOnlySpan<byte> contentType, bool withTrace)
    {
        var head = new HeaderList();
        head.Add(":status"u8, Encoding.ASCII.GetBytes(status.ToString(CultureInfo.InvariantCulture)));
        AddContentType(head, contentType);
        if (withTrace)
        {
            TraceContext.Zero.AddGrpcBinary(head);
        }

        return head;
    }

    /// <summary>
    /// The request's subtype comes back, always behind "+", and an empty one not at all (grpc-go internal/grpcutil/method.go).
    /// </summary>
    internal static void AddContentType(HeaderList head, ReadOnlySpan<byte> requested)
    {
        var plain = "application/grpc"u8;
        if (requested.Length <= plain.Length + 1)
        {
            head.Add("content-type"u8, plain);
            return;
        }

        var name = head.Append("content-type"u8.Length, requested.Length, out var value);
        "content-type"u8.CopyTo(name);
        requested.CopyTo(value);
        value[plain.Length] = (byte)'+';
    }

    private static HeaderList Trailers(GrpcStatusCode code, string text)
    {
        var trailers = new HeaderList();
        AddStatus(trailers, code, text, default);
        return trailers;
    }

    internal static void AddStatus(HeaderList trailers, GrpcStatusCode code, string text, ReadOnlySpan<byte> details)
    {
        Span<byte> digits = stackalloc byte[GrpcStatusText.MaxBytes];
        trailers.Add("grpc-status"u8, digits[..GrpcStatusText.Write(code, digits)]);
        var message = text.Length == 0 ? [] : Encoding.UTF8.GetBytes(text);
        var name = trailers.Append("grpc-message"u8.Length, GrpcMessageEncoding.EncodedLength(message), out var encoded);
        "grpc-message"u8.CopyTo(name);
        GrpcMessageEncoding.Encode(message, encoded);
        if (details.IsEmpty)
        {
            return;
        }

        var status = RpcStatus.Encode(code, text, details);
        name = trailers.Append("grpc-status-details-bin"u8.Length, BinaryMetadata.EncodedLength(status.Length), out encoded);
        "grpc-status-details-bin"u8.CopyTo(name);
        BinaryMetadata.Encode(status, encoded);
    }
}
