using System.Globalization;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Outbound;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Grpc;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Buffers;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// One <c>InvokeService</c>: request and answer are one message each, held in memory as a whole. Belongs to a <see cref="GrpcCall"/>, and is
/// reused with it.
/// </summary>
internal sealed class InvokeServiceCall(GrpcCall call, TimeProvider time)
{
    /// <summary>A longer name is no app's; so much a pooled call may keep.</summary>
    private const int LongestKeptTarget = 256;

    private static ReadOnlySpan<byte> DaprHttpStatus => "dapr-http-status"u8;

    private static readonly InvokeError MessageMissing = new(
        ErrorSide.Peer,
        GrpcStatusCode.InvalidArgument,
        "parsing InternalInvokeRequest error: request does not contain the required fields in the leading chunk");

    private readonly InvokeRequest _request = new();
    private readonly MessageBody _body = new();
    private readonly PooledBufferWriter _answer = new();
    private readonly HeaderList _metadata = new();

    /// <summary>The target named last, which mostly is the next one's too, and so needs no new text.</summary>
    private ByteText _targetBytes;
    private string _target = "";

    /// <summary>All bytes of the answer's body, whether kept or not.</summary>
    private long _answerBytes;

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    public async ValueTask RunAsync(InvokeServiceMethod method)
    {
        _request.Phases.Received = time.GetTimestamp();
        await call.ReadUnaryAsync();
        InvokeResult result = ErrorTable.Unexpected;
        try
        {
            var route = Fill(method, out var refused);
            if (refused is null)
            {
                result = await method.Outbound.InvokeAsync(_request, route, call.Abandoned);
                if (result.Failed)
                {
                    result = await method.Outbound.RepeatAsync(_request, route, result.Error, call.Abandoned);
                }
            }
            else
            {
                result = refused;
            }

            if (result.Failed)
            {
                FailInvoke(result.Error.Reason);
            }
            else
            {
                await AnswerAsync(method, result.Response);
            }
        }
        finally
        {
            // Before the response is given back: the observer reads it.
            _request.Phases.Ended = time.GetTimestamp();
            method.Observer.RequestEnded(_request, result);
            await EndAsync(result.Response);
        }
    }

    /// <summary>The message becomes the request that everything below understands.</summary>
    private Route Fill(InvokeServiceMethod method, out InvokeError? refused)
    {
        var bytes = call.Message;
        var message = InvokeServiceMessage.Read(bytes.Span);
        call.BeginHandling();

        var request = _request;
        request.Target = TargetOf(message.Id);
        request.Method.Set(message.Method);
        request.Verb = message.Verb;
        request.Query.Set(message.Query);
        request.ContentType.Set(message.ContentType);
        request.TypeUrl.Set(message.TypeUrl);
        request.HasData = message.HasData;
        request.HasHttpExtension = message.HasHttpExtension;
        request.HasWholeBody = true;
        request.Deadline = call.Deadline;
        request.SetTraceFromGrpc(call.Headers);

        var route = method.Outbound.RouteTo(request.Target);
        GrpcMetadata.ToWire(call.Headers, request.Metadata);
        RemoveOwn(request.Metadata, method.ApiTokenChecked, toPeer: route.Kind == RouteKind.Peer);

        // All of it is kept, whatever its size: another attempt sends it again.
        var value = bytes.Span.Overlaps(message.Value, out var at) ? bytes.Slice(at, message.Value.Length) : default;
        _body.Start(value);
        request.Body.Start(_body, value.Length, BodyKind.Bytes, limitBytes: 0, keepAtMost: value.Length);

        // A daprd callee would say so. Our own app is asked all the same: it finds no verb.
        refused = message.HasMessage || route.Kind != RouteKind.Peer ? null : MessageMissing;
        return route;
    }

    /// <summary>What is nobody else's business, and what only the sidecar may say of the caller.</summary>
    private static void RemoveOwn(HeaderList metadata, bool apiTokenChecked, bool toPeer)
    {
        if (apiTokenChecked)
        {
            metadata.Remove(HeaderNames.DaprApiToken);
        }

        if (toPeer)
        {
            metadata.Remove(HeaderNames.CallerAppId);
            metadata.Remove(HeaderNames.CallerNamespace);
            metadata.Remove(HeaderNames.CalleeAppId);
            metadata.Remove(HeaderNames.DestinationAppId);
        }
    }

    private string TargetOf(ReadOnlySpan<byte> id)
    {
        if (id.Length > LongestKeptTarget)
        {
            return Encoding.UTF8.GetString(id);
        }

        if (!id.SequenceEqual(_targetBytes.Span))
        {
            _targetBytes.Set(id);
            _target = Encoding.UTF8.GetString(id);
        }

        return _target;
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask EndAsync(InvokeResponse? response)
    {
        try
        {
            if (response is not null)
            {
                await response.DisposeAsync();
            }
        }
        finally
        {
            _request.Body.Finish();
            _request.Clear();
            _body.Complete();
            _answer.Dispose();
            _metadata.Clear();
        }
    }

    /// <summary>Nothing leaves before the whole body is there: what breaks off is still a failure like any other.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask AnswerAsync(InvokeServiceMethod method, InvokeResponse response)
    {
        if (!response.IsGrpcStatus)
        {
            method.NoticeHttpApp();
        }

        var code = response.IsGrpcStatus ? (GrpcStatusCode)response.Status : GrpcHttpStatus.CodeOf(response.Status);
        try
        {
            await CollectAsync(response.Body, code == GrpcStatusCode.OK ? method.MaxMessageBytes : GrpcErrorWriter.MostQuotedBytes);
        }
        catch (Exception e) when (e is IOException or PeerMessageException)
        {
            FailInvoke(BodyFailure(response, e));
            return;
        }

        if (call.Deadline is { HasPassed: true })
        {
            return;
        }

        if (GrpcMetadata.FromWire(response.Headers, trailers: false, _request.Trace, _metadata) is { } unsendable)
        {
            call.Fail(GrpcStatusCode.Internal, unsendable);
            return;
        }

        if (!response.IsGrpcStatus)
        {
            Span<byte> digits = stackalloc byte[11];
            response.Status.TryFormat(digits, out var written, provider: CultureInfo.InvariantCulture);
            _metadata.Set(DaprHttpStatus, digits[..written]);
        }

        call.Answers.WriteHead(_metadata, call.IsPacked);
        if (code != GrpcStatusCode.OK && !response.IsGrpcStatus)
        {
            GrpcErrorWriter.EndHttpStatus(call.Answers, response.Status, code, _answer.WrittenSpan);
            return;
        }

        WriteEnd(response, code, WriteMessage(method, response, code));
    }

    /// <summary>Writes the message of an answer that has one; an error when it is too large to be sent.</summary>
    private InvokeError? WriteMessage(InvokeServiceMethod method, InvokeResponse response, GrpcStatusCode code)
    {
        if (code != GrpcStatusCode.OK)
        {
            return null;
        }

        var size = InvokeResponseMessage.SizeOf(response.TypeUrl, _answerBytes, response.MessageContentType);
        if (size > method.MaxMessageBytes)
        {
            var text = $"grpc: trying to send message larger than max ({size} vs. {method.MaxMessageBytes})";
            return new InvokeError(ErrorSide.Self, GrpcStatusCode.ResourceExhausted, text);
        }

        if (!call.IsPacked)
        {
            InvokeResponseMessage.Write(call.Output, response.TypeUrl, _answer.WrittenSpan, response.MessageContentType);
            return null;
        }

        using var plain = new PooledBufferWriter();
        InvokeResponseMessage.Write(plain, response.TypeUrl, _answer.WrittenSpan, response.MessageContentType);
        GzipMessage.Write(call.Output, plain.WrittenSpan[MessagePrefix.SizeBytes..]);
        return null;
    }

    /// <summary>Only a gRPC app's answer has trailer metadata, and always its trace context.</summary>
    private void WriteEnd(InvokeResponse response, GrpcStatusCode code, InvokeError? failure)
    {
        _metadata.Clear();
        if (response.IsGrpcStatus)
        {
            var unsendable = response.Trailers is { } trailers
                ? GrpcMetadata.FromWire(trailers, trailers: true, _request.Trace, _metadata)
                : AddTrace();
            if (unsendable is not null)
            {
                _metadata.Clear();
                AddTrace();
            }

            if (!response.StatusDetails.IsEmpty)
            {
                // It is written anew from the status.
                _metadata.Remove("grpc-status-details-bin"u8);
            }
        }

        if (failure is not null)
        {
            call.Answers.End(failure.Code!.Value, failure.Text, default, _metadata);
        }
        else if (code != GrpcStatusCode.OK)
        {
            call.Answers.End(code, response.StatusMessage, response.StatusDetails, _metadata);
        }
        else if (_metadata.Count > 0)
        {
            call.Answers.End(code, "", default, _metadata);
        }
        else
        {
            call.Answers.Succeed();
        }
    }

    private string? AddTrace()
    {
        _request.Trace.AddGrpcMetadata(_metadata);
        return null;
    }

    /// <summary>Reads the body to its end, and keeps of it what is needed; one too large is counted on, as its size is told.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private async ValueTask CollectAsync(PipeReader body, int mostKept)
    {
        _answerBytes = 0;
        while (true)
        {
            if (!body.TryRead(out var read))
            {
                read = await body.ReadAsync(call.Abandoned);
            }

            foreach (var piece in read.Buffer)
            {
                var kept = Math.Min(piece.Length, mostKept - _answer.WrittenCount);
                if (kept > 0)
                {
                    _answer.Write(piece.Span[..kept]);
                }
            }

            _answerBytes += read.Buffer.Length;
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>What Dapr says of a body that broke off.</summary>
    private static string BodyFailure(InvokeResponse response, Exception failure) => failure switch
    {
        InvokeBodyException e => e.Error.Reason,
        PeerMessageException e => e.Message,
        _ when response.IsRemote => "error receiving message: " + GrpcFailure.Of(failure).Reason,
        _ => failure.Message,
    };

    private void FailInvoke(string reason) =>
        call.Refuse(GrpcStatusCode.Internal, $"failed to invoke, id: {_request.Target}, err: {reason}");
}
