using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Invocation.Proxy;

/// <summary>A stream of some connection to the target; synchronous while a live one has room.</summary>
internal delegate ValueTask<Http2Stream> OpenStream(CancellationToken cancellationToken);

/// <summary>Proxied calls to one address: a stream with the caller's own path for each (dapr pkg/api/grpc/proxy/handler.go v1.18.3).</summary>
internal sealed class ProxyClient : ITarget
{
    private readonly OpenStream _open;
    private readonly ProxyCallTemplate _template;
    private readonly ProxyCallPool _calls;
    private readonly TimeProvider _time;
    private readonly InvocationObserver _observer;

    /// <param name="open">Opens a stream to the address.</param>
    /// <param name="address">host:port.</param>
    /// <param name="tls">Over TLS.</param>
    /// <param name="isPeer">It is another sidecar: it gets the trace context.</param>
    /// <param name="calls">Calls for reuse.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="observer">Hears of each call's end.</param>
    public ProxyClient(
        OpenStream open, string address, bool tls, bool isPeer, ProxyCallPool calls, TimeProvider time, InvocationObserver observer)
    {
        _open = open;
        _template = new ProxyCallTemplate(Encoding.ASCII.GetBytes(address), tls, withTrace: isPeer);
        _calls = calls;
        _time = time;
        _observer = observer;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        ProxyCall? call = null;
        InvokeError? error;
        try
        {
            var stream = await _open(cancellationToken);
            request.Phases.TargetReady = _time.GetTimestamp();
            call = _calls.Rent();
            call.Start(stream, request);
            call.Send(_template, cancellationToken);
            await call.WaitForHeadAsync(cancellationToken);
            error = call.TakeHead();
            if (error is null)
            {
                request.Phases.ResponseHead = _time.GetTimestamp();
                _observer.AttemptEnded(request, call, attempt: 0);
                return call;
            }

            error = await call.QuoteBodyAsync(error, cancellationToken);
        }
        catch (Exception e) when (call is null && e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // Disposed: a request that came while the sidecar stops.
            error = e is ObjectDisposedException ? ErrorTable.ClientGone : GrpcFailure.Of(e);
        }
        catch (Exception e) when (call is not null)
        {
            // Whatever it was, stream and call are given back, and nobody reads the request's body any longer.
            error = call.UploadError ?? (request.Body.IsBroken ? ErrorTable.ClientGone : GrpcFailure.Of(e));
            if (e is not (IOException or OperationCanceledException))
            {
                await call.DisposeAsync();
                throw;
            }
        }

        if (call is not null)
        {
            await call.DisposeAsync();
        }

        _observer.AttemptEnded(request, error, attempt: 0);
        return error;
    }
}
