using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;

namespace FastSidecar.Targets.Peers;

/// <summary>
/// Another sidecar at one address: the client end of the sidecar-to-sidecar wire (dapr pkg/messaging/direct_messaging.go v1.18.3).
/// </summary>
internal sealed class PeerTarget : ITarget
{
    private readonly ChannelSource _channels;
    private readonly PeerCallTemplate _streamTemplate;
    private readonly PeerCallTemplate _unaryTemplate;
    private readonly PeerCallPool _calls;
    private readonly TimeProvider _time;
    private readonly InvocationObserver _observer;
    private readonly ProxyClient _proxy;

    public PeerTarget(
        ChannelPool channels, ChannelKey key, PeerCallPool calls, ProxyCallPool proxyCalls, TimeProvider time, InvocationObserver observer)
    {
        _channels = channels.For(key);
        Address = key.Address;
        _calls = calls;
        _time = time;
        _observer = observer;
        var authority = Encoding.ASCII.GetBytes(key.Address);
        var tls = key.Identity.Length > 0;
        _streamTemplate = new PeerCallTemplate(MethodPaths.CallLocalStream, authority, tls);
        _unaryTemplate = new PeerCallTemplate(MethodPaths.CallLocal, authority, tls);
        _proxy = new ProxyClient(_channels.OpenStreamAsync, key.Address, tls, isPeer: true, proxyCalls, time, observer);
    }

    /// <summary>host:port.</summary>
    public string Address { get; }

    /// <summary>Bytes travel in envelopes; messages as they are, under the caller's own path.</summary>
    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken) =>
        request.Body.Kind == BodyKind.Messages
            ? _proxy.InvokeAsync(request, cancellationToken)
            : InvokeEnvelopedAsync(request, cancellationToken);

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> InvokeEnvelopedAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        var sending = Sending.First;
        while (true)
        {
            PeerCall? call = null;
            InvokeError? error;
            try
            {
                var stream = await _channels.OpenStreamAsync(cancellationToken);
                request.Phases.TargetReady = _time.GetTimestamp();
                call = _calls.Rent();
                call.Start(stream, request);
                if (sending is Sending.Unary)
                {
                    await call.SendUnaryAsync(_unaryTemplate, cancellationToken);
                }
                else
                {
                    call.SendStream(_streamTemplate, cancellationToken);
                }

                await call.WaitForHeadAsync(cancellationToken);
                error = await call.ReadHeadAsync(sending is Sending.Unary, cancellationToken);
                if (error is null)
                {
                    request.Phases.ResponseHead = _time.GetTimestamp();
                    _observer.AttemptEnded(request, call, attempt: 0);
                    return call;
                }
            }
            catch (Exception e) when (call is null && e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // Disposed: a request that came while the sidecar stops.
                error = e is ObjectDisposedException ? ErrorTable.ClientGone : GrpcFailure.Of(e);
            }
            catch (Exception e) when (call is not null)
            {
                // Whatever it was, stream and call are given back, and nobody reads the request's body any longer.
                error = call.UploadError
                    ?? (request.Body.IsBroken ? new InvokeError(ErrorSide.Client, null, e.Message) : GrpcFailure.Of(e));
                if (e is not (IOException or OperationCanceledException or PeerMessageException))
                {
                    await call.DisposeAsync();
                    throw;
                }
            }

            if (call is not null)
            {
                await call.DisposeAsync();
            }

            if (!SendsAgain(ref sending, ref error, request))
            {
                _observer.AttemptEnded(request, error, attempt: 0);
                return error;
            }

            request.Body.Rewind();
        }
    }

    /// <summary>
    /// A call at which the peer has provably not looked is sent once more whatever the policy, as grpc-go does by itself (grpc-go
    /// stream.go). A peer before Dapr 1.10 knows only the unary call.
    /// </summary>
    private static bool SendsAgain(ref Sending sending, ref InvokeError error, InvokeRequest request)
    {
        if (sending is Sending.First && error.NeverProcessed && request.Body.CanRepeat)
        {
            sending = Sending.Again;
            return true;
        }

        if (sending is Sending.Unary || error.Code != GrpcStatusCode.Unimplemented)
        {
            return false;
        }

        sending = Sending.Unary;
        if (request.Body.Length is not null && request.Body.CanRepeat)
        {
            return true;
        }

        error = ErrorTable.StreamingUnsupported(request.Target);
        return false;
    }

    private enum Sending
    {
        First,
        Again,
        Unary,
    }
}
