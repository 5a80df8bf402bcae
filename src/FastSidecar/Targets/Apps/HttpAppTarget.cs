using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Targets.Apps;

/// <summary>The own app over HTTP/1.1.</summary>
internal sealed class HttpAppTarget : ITarget, IAsyncDisposable
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly Http1Client _client;
    private readonly HttpAppOptions _options;
    private readonly AppTargetCache _targets;
    private readonly byte[] _host;
    private readonly byte[] _baseUrl;
    private readonly AppHeaders _appHeaders;
    private readonly TimeProvider _time;
    private readonly InvocationObserver _observer;
    private readonly Lock _gate = new();
    private readonly Stack<AppCall> _pool = new();

    public HttpAppTarget(HttpAppOptions options, TimeProvider time, InvocationObserver observer)
    {
        _options = options;
        _time = time;
        _observer = observer;
        _host = Encoding.Latin1.GetBytes($"{options.Address}:{options.Port}");
        _appHeaders = new AppHeaders(Encoding.Latin1.GetBytes(options.ApiToken), options.TraceHeaders);
        _baseUrl = [.. "http://"u8, .. _host];
        _targets = new AppTargetCache(_baseUrl);
        EndPoint endPoint = IPAddress.TryParse(options.Address.Trim('[', ']'), out var ip)
            ? new IPEndPoint(ip, options.Port)
            : new DnsEndPoint(options.Address, options.Port);
        _client = new Http1Client(endPoint, new Http1ClientOptions { MaxResponseHeadBytes = options.MaxResponseHeadBytes }, time);
    }

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

    /// <summary>Asks the app for its configuration, as Dapr does once; true when it answered.</summary>
    public Task<bool> RequestConfigAsync(string appId, CancellationToken cancellationToken) =>
        AppConfigRequest.SendAsync(_client, Encoding.Latin1.GetString(_host), appId, _options.ApiToken, cancellationToken);

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    internal void Return(AppCall call)
    {
        lock (_gate)
        {
            if (_pool.Count < MostPooledCalls)
            {
                _pool.Push(call);
            }
        }
    }

    /// <summary>
    /// Sends, and once more on a fresh connection when the pooled one was closed at the same moment (<see cref="MaySendAgain"/>). Dapr
    /// passes that on as an error; the recorded neighbouring cases, where the app read the request and closed, are not repeated here
    /// either.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    private async ValueTask<InvokeResult> SendAsync(InvokeRequest request, byte[] target, CancellationToken cancellationToken)
    {
        for (var fresh = false; ; fresh = true)
        {
            Http1Exchange? exchange = null;
            AppCall? call = null;
            try
            {
                exchange = await _client.OpenAsync(fresh, cancellationToken);
                request.Phases.TargetReady = _time.GetTimestamp();
                call = Rent();
                await call.WriteHeadAsync(exchange, request, target, cancellationToken);
                call.StartUpload(cancellationToken);
                while (!await exchange.TryReadHeadAsync(cancellationToken))
                {
                    // Only a part of the head has come.
                }

                await call.TakeHeadAsync(request, cancellationToken);
                request.Phases.ResponseHead = _time.GetTimestamp();
                _observer.AttemptEnded(request, call, attempt: 0);
                return call;
            }
            catch (Exception e) when (
                exchange is null && e is SocketException or TimeoutException or OperationCanceledException or ObjectDisposedException)
            {
                // Disposed: a request that came while the sidecar stops.
                return Failed(request, target, ConnectFailure(e));
            }
            catch (Exception e) when (call is not null)
            {
                // Whatever it was, connection and call are given back.
                var cause = call.UploadError ?? AppFailure.Of(e);
                var maySendAgain = !fresh && call.UploadError is null && MaySendAgain(e, exchange!, request);
                await call.DisposeAsync();
                if (!maySendAgain || !request.Body.CanRepeat)
                {
                    if (IsExpected(e))
                    {
                        return Failed(request, target, cause);
                    }

                    throw;
                }
            }

            request.Body.Rewind();
        }
    }

    /// <summary>
    /// Whatever the method, when the app provably read nothing of the request. A reset is no such proof: the app may have closed with the
    /// request unread, or broken down over it. There the rule is that of Go's client: only on a connection that was used before, and only a
    /// safe method without a body (Go net/http transport.go, shouldRetryRequest; RFC 9110 §9.2.1).
    /// </summary>
    private static bool MaySendAgain(Exception failure, Http1Exchange exchange, InvokeRequest request) => failure switch
    {
        Http1ResponseException { NeverReceived: true } => true,
        Http1ResponseException { Fault: Http1ResponseFault.Reset } => exchange is { Reused: true, IsUnanswered: true }
            && request is { Verb: HttpVerb.Get or HttpVerb.Head or HttpVerb.Options or HttpVerb.Trace, Body.ReadBytes: 0 },
        _ => false,
    };

    /// <summary>
    /// A connection or a body that broke off, or a request that cannot be written (ArgumentException); anything else is a bug.
    /// </summary>
    private static bool IsExpected(Exception exception) =>
        exception is IOException or OperationCanceledException or PeerMessageException or ArgumentException;

    private InvokeResult Failed(InvokeRequest request, byte[] target, string cause)
    {
        InvokeResult result = AppFailure.OfCall(request, _baseUrl, target, cause);
        _observer.AttemptEnded(request, result, attempt: 0);
        return result;
    }

    private string ConnectFailure(Exception exception) => exception switch
    {
        SocketException e => $"dial tcp {_options.Address}:{_options.Port}: connect: {AppFailure.Describe(e)}",
        TimeoutException => $"dial tcp {_options.Address}:{_options.Port}: i/o timeout",
        _ => "context canceled",
    };

    private AppCall Rent()
    {
        lock (_gate)
        {
            if (_pool.TryPop(out var call))
            {
                return call;
            }
        }

        return new AppCall(this, _host, _appHeaders, _time);
    }
}
