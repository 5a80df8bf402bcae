using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Peers;

/// <summary>
/// Another sidecar at one address: the client end of the sidecar-to-sidecar wire (dapr pkg/messaging/direct_messaging.go v1.18.3).
/// </summary>
internal sealed class PeerTarget : ITarget
{
    private readonly ChannelPool _channels;
    private readonly ChannelKey _key;
    private readonly PeerCallTemplate _streamTemplate;
    private readonly PeerCallTemplate _unaryTemplate;
    private readonly PeerCallPool _calls;
    private readonly TimeProvider _time;
    private readonly InvocationObserver _observer;

    public PeerTarget(ChannelPool channels, ChannelKey key, PeerCallPool calls, TimeProvider time, InvocationObserver observer)
    {
        _channels = channels;
        _key = key;
        _calls = calls;
        _time = time;
        _observer = observer;
        var authority = Encoding.ASCII.GetBytes(key.Address);
        var tls = key.Identity.Length > 0;
        _streamTemplate = new PeerCallTemplate(MethodPaths.CallLocalStream, authority, tls);
        _unaryTemplate = new PeerCallTemplate(MethodPaths.CallLocal, authority, tls);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        var result = await SendAsync(request, unary: false, cancellationToken);
        if (result.Failed && result.Error.NeverProcessed && request.Body.CanRepeat)
        {
            // The peer has provably not looked at it: grpc-go sends such a call once more by itself (grpc-go stream.go), whatever the
            // policy.
            request.Body.Rewind();
            result = await SendAsync(request, unary: false, cancellationToken);
        }

        if (result.Failed && result.Error.Code == GrpcStatusCode.Unimplemented)
        {
            result = await FallBackAsync(request, cancellationToken);
        }

        _observer.AttemptEnded(request, result, attempt: 0);
        return result;
    }

    /// <summary>A peer before Dapr 1.10 knows only the unary call.</summary>
    private async ValueTask<InvokeResult> FallBackAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (request.Body.Length is null || !request.Body.CanRepeat)
        {
            return ErrorTable.StreamingUnsupported(request.Target);
        }

        request.Body.Rewind();
        return await SendAsync(request, unary: true, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> SendAsync(InvokeRequest request, bool unary, CancellationToken cancellationToken)
    {
        Http2Stream stream;
        try
        {
            stream = await _channels.OpenStreamAsync(_key, cancellationToken);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Disposed: a request that came while the sidecar stops.
            return e is ObjectDisposedException ? ErrorTable.ClientGone : PeerFailure.Of(e);
        }

        request.Phases.TargetReady = _time.GetTimestamp();
        var call = _calls.Rent();
        try
        {
            call.Start(stream, request);
            var error = unary
                ? await call.SendUnaryAsync(_unaryTemplate, cancellationToken)
                : await call.SendStreamAsync(_streamTemplate, cancellationToken);
            if (error is null)
            {
                request.Phases.ResponseHead = _time.GetTimestamp();
                return call;
            }

            await call.DisposeAsync();
            return error;
        }
        catch (Exception e)
        {
            // Whatever it was, stream and call are given back, and nobody reads the request's body any longer.
            var error = call.UploadError ?? (request.Body.IsBroken ? new InvokeError(ErrorSide.Client, null, e.Message) : PeerFailure.Of(e));
            await call.DisposeAsync();
            if (e is IOException or OperationCanceledException or PeerMessageException)
            {
                return error;
            }

            throw;
        }
    }
}
