using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Targets.Apps;

/// <summary>The own app over HTTP/2 without TLS, known beforehand to speak it (RFC 9113 §3.3).</summary>
internal sealed class H2cAppTarget : ITarget
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly ChannelSource _channels;
    private readonly AppTargetCache _targets;
    private readonly byte[] _baseUrl;
    private readonly TimeProvider _time;
    private readonly InvocationObserver _observer;
    private readonly Lock _gate = new();
    private readonly Stack<H2cAppCall> _pool = new();

    /// <param name="options">Where the app is; the limit of a head is the channels' own.</param>
    /// <param name="channels">The app's own pool.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="observer">Told of every call.</param>
    public H2cAppTarget(HttpAppOptions options, ChannelPool channels, TimeProvider time, InvocationObserver observer)
    {
        Address = $"{options.Address}:{options.Port}";
        Authority = Encoding.Latin1.GetBytes(Address);
        AppHeaders = new AppHeaders(Encoding.Latin1.GetBytes(options.ApiToken), options.TraceHeaders);
        _baseUrl = [.. "http://"u8, .. Authority];
        _targets = new AppTargetCache(_baseUrl);
        _channels = channels.For(new ChannelKey(Address, "", ""));
        _time = time;
        _observer = observer;
    }

    /// <summary>host:port.</summary>
    internal string Address { get; }

    internal byte[] Authority { get; }

    internal AppHeaders AppHeaders { get; }

    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (AppFailure.OfVerb(request) is { } unusable)
        {
            return ValueTask.FromResult<InvokeResult>(unusable);
        }

        var target = _targets.Get(request.Method.Span, request.Query.Span);
        return target.Error is { } refused
            ? ValueTask.FromResult<InvokeResult>(new InvokeError(ErrorSide.App, null, refused))
            : SendAsync(request, target.Target, cancellationToken);
    }

    internal void Return(H2cAppCall call)
    {
        lock (_gate)
        {
            if (_pool.Count < MostPooledCalls)
            {
                _pool.Push(call);
            }
        }
    }

    /// <summary>Sends, and once more when the app has provably not looked at the request.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> SendAsync(InvokeRequest request, byte[] target, CancellationToken cancellationToken)
    {
        for (var isFirst = true; ; isFirst = false)
        {
            H2cAppCall? call = null;
            Http2Stream? stream = null;
            try
            {
                stream = await _channels.OpenStreamAsync(cancellationToken);
                request.Phases.TargetReady = _time.GetTimestamp();
                call = Rent();
                call.Send(stream, request, target, cancellationToken);
                await stream.ReadHeadAsync(cancellationToken);
                call.TakeHead(request);
                request.Phases.ResponseHead = _time.GetTimestamp();
                _observer.AttemptEnded(request, call, attempt: 0);
                return call;
            }
            catch (Exception e) when (call is null && e is IOException or OperationCanceledException or ObjectDisposedException)
            {
                // Disposed: a request that came while the sidecar stops.
                return Failed(request, target, H2cFailure.Of(e, Address, streamId: 0));
            }
            catch (Exception e) when (call is not null)
            {
                // Whatever it was, stream and call are given back.
                var cause = call.UploadError ?? H2cFailure.Of(e, Address, stream!.Id);
                var maySendAgain = isFirst && call.UploadError is null && e is Http2StreamException { NeverProcessed: true };
                await call.DisposeAsync();
                if (!maySendAgain || !request.Body.CanRepeat)
                {
                    if (e is IOException or OperationCanceledException or PeerMessageException or ArgumentException)
                    {
                        return Failed(request, target, cause);
                    }

                    throw;
                }
            }

            request.Body.Rewind();
        }
    }

    private InvokeResult Failed(InvokeRequest request, byte[] target, string cause)
    {
        InvokeResult result = AppFailure.OfCall(request, _baseUrl, target, cause);
        _observer.AttemptEnded(request, result, attempt: 0);
        return result;
    }

    private H2cAppCall Rent()
    {
        lock (_gate)
        {
            if (_pool.TryPop(out var call))
            {
                return call;
            }
        }

        return new H2cAppCall(this);
    }
}
