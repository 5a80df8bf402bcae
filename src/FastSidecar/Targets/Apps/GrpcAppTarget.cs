using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// The own app over gRPC: every invocation is one unary call of AppCallback/OnInvoke. Whatever becomes of that call is the app's answer, a
/// status; only a request whose body cannot be read is an error (dapr pkg/channel/grpc/grpc_channel.go v1.18.3).
/// </summary>
internal sealed class GrpcAppTarget : ITarget
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly ChannelSource _channels;
    private readonly TimeProvider _time;
    private readonly InvocationObserver _observer;
    private readonly Lock _gate = new();
    private readonly Stack<GrpcAppCall> _pool = new();

    /// <param name="options">Where the app is, and how it is spoken to.</param>
    /// <param name="channels">The app's own pool.</param>
    /// <param name="key">The app in that pool.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="observer">Told of every call.</param>
    public GrpcAppTarget(GrpcAppOptions options, ChannelPool channels, ChannelKey key, TimeProvider time, InvocationObserver observer)
    {
        _channels = channels.For(key);
        _time = time;
        _observer = observer;
        MaxMessageBytes = options.MaxMessageBytes;
        ApiToken = Encoding.Latin1.GetBytes(options.ApiToken);
        Head.Add(":method"u8, "POST"u8);
        Head.Add(":scheme"u8, options.Tls ? "https"u8 : "http"u8);
        Head.Add(":path"u8, MethodPaths.OnInvoke);
        Head.Add(":authority"u8, Encoding.Latin1.GetBytes(options.Address));
        Head.Add("content-type"u8, "application/grpc"u8);
        Head.Add("user-agent"u8, "grpc-go/1.82.1"u8);
        Head.Add("te"u8, "trailers"u8);
        Head.Add("grpc-accept-encoding"u8, "gzip"u8);
    }

    /// <summary>What every call's head begins with.</summary>
    internal HeaderList Head { get; } = new();

    internal byte[] ApiToken { get; }

    internal int MaxMessageBytes { get; }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        var call = Rent();
        InvokeError? error;
        try
        {
            error = await call.ReadBodyAsync(request, cancellationToken);
            if (error is null && call.WriteHead(request))
            {
                error = await call.RunAsync(request, _channels, cancellationToken);
            }
        }
        catch
        {
            // A bug of ours; the call is whole again when it is disposed.
            await call.DisposeAsync();
            throw;
        }

        request.Phases.ResponseHead = _time.GetTimestamp();
        InvokeResult result = error is null ? call : error;
        if (error is not null)
        {
            await call.DisposeAsync();
        }

        _observer.AttemptEnded(request, result, attempt: 0);
        return result;
    }

    internal long Now => _time.GetTimestamp();

    internal void Return(GrpcAppCall call)
    {
        lock (_gate)
        {
            if (_pool.Count < MostPooledCalls)
            {
                _pool.Push(call);
            }
        }
    }

    private GrpcAppCall Rent()
    {
        lock (_gate)
        {
            if (_pool.TryPop(out var call))
            {
                return call;
            }
        }

        return new GrpcAppCall(this);
    }
}
