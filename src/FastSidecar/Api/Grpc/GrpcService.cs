using System.Security.Cryptography;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Observability.Logging;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// The public gRPC port: takes the streams that apps open, looks at their heads, and gives each to whoever serves its method. Methods that
/// nobody here serves are proxied (dapr pkg/api/grpc/server.go v1.18.3).
/// </summary>
internal sealed partial class GrpcService : IHttp2StreamHandler
{
    /// <summary>Calls kept for reuse; more may be under way at once.</summary>
    private const int MostPooledCalls = 1024;

    private readonly GrpcMethods _methods;
    private readonly ProxiedCalls _proxied;
    private readonly byte[] _apiToken;
    private readonly bool _checksBaggage;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ApiLog? _apiLog;
    private readonly Lock _gate = new();
    private readonly Stack<GrpcCall> _pool = new();

    /// <param name="options">What the API is told.</param>
    /// <param name="methods">What is served here.</param>
    /// <param name="proxied">Takes everything else.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="log">Hears of bugs.</param>
    /// <param name="apiLog">Has a line for every call served here; null when nobody wants it.</param>
    public GrpcService(GrpcApiOptions options, GrpcMethods methods, ProxiedCalls proxied, TimeProvider time, ILogger log, ApiLog? apiLog)
    {
        _apiLog = apiLog;
        MaxMessageBytes = options.MaxMessageBytes;
        _checksBaggage = options.ChecksBaggage;
        _apiToken = Encoding.Latin1.GetBytes(options.ApiToken);
        _methods = methods;
        _proxied = proxied;
        _time = time;
        _log = log;
    }

    internal int MaxMessageBytes { get; }

    public void OnStream(Http2Stream stream)
    {
        // 1. What is wrong below gRPC.
        var head = new GrpcCallHead(stream.Headers);
        if (head.Refusal() is { } refusal)
        {
            GrpcErrorWriter.Refuse(stream, refusal);
            return;
        }

        // 2. The token, of every call whatever its method. Once checked it goes no further.
        if (_apiToken.Length > 0)
        {
            if (Denial(stream.Headers) is { } denial)
            {
                GrpcErrorWriter.RefuseUnauthorized(stream, denial);
                return;
            }

            stream.Headers.Remove(HeaderNames.DaprApiToken);
        }

        // 3. Who serves it.
        if (_methods.Find(head.Path, stream.Headers) is not { } method)
        {
            _proxied.Run(stream);
            return;
        }

        // 4. Baggage, as the other servers look at it.
        var echoesBaggage = head.HasBaggage && _checksBaggage;
        if (echoesBaggage && head.BaggageRefusal() is { } invalid)
        {
            GrpcErrorWriter.Refuse(stream, invalid);
            return;
        }

        Rent().Run(stream, method, head.Timeout, echoesBaggage);
    }

    /// <summary>A call has ended, with that status.</summary>
    internal void Called(HeaderList headers, GrpcStatusCode code, TimeSpan duration)
    {
        if (_apiLog is { } apiLog && headers.TryGet(":path"u8, out var path))
        {
            headers.TryGet("user-agent"u8, out var userAgent);
            apiLog.GrpcCalled(path, (int)code, (long)duration.TotalMilliseconds, userAgent);
        }
    }

    /// <summary>A call has ended and nothing sees its object any longer.</summary>
    internal void Return(GrpcCall call)
    {
        lock (_gate)
        {
            if (_pool.Count < MostPooledCalls)
            {
                _pool.Push(call);
            }
        }
    }

    /// <summary>A call ended with an exception that is a bug of ours. Its object is not used again.</summary>
    internal void Drop(Exception exception) => Log.Unexpected(_log, exception);

    private GrpcCall Rent()
    {
        lock (_gate)
        {
            if (_pool.TryPop(out var call))
            {
                return call;
            }
        }

        return new GrpcCall(this, _time);
    }

    /// <summary>Why the call is not allowed; null when it shows the token. Of several the first one counts.</summary>
    private string? Denial(HeaderList headers)
    {
        if (!headers.TryGet(HeaderNames.DaprApiToken, out var token))
        {
            return "missing api token in request metadata";
        }

        return CryptographicOperations.FixedTimeEquals(token, _apiToken) ? null : "authentication error: api token mismatch";
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "A call of the gRPC API ended with an unexpected error and was aborted")]
        public static partial void Unexpected(ILogger logger, Exception exception);
    }
}
