using System.Net.Sockets;
using FastSidecar.Configuration;
using FastSidecar.Observability.Logging;
using FastSidecar.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>
/// Opens a sidecar's ports with daprd's patience, lines and last words: which are tried again, which are final at once (spec: ports in use; dapr pkg/api/http/server.go,
/// pkg/api/grpc/server.go, pkg/runtime/runtime.go v1.18.3). What it returns is the caller's; socket files are noted in the parts.
/// </summary>
internal sealed partial class SidecarPorts
{
    private const string NoGrpcApi = "failed to start API gRPC server: ";
    private const string NoHttpApi = "failed to start HTTP server: ";
    private const string NoEndPoint = "could not listen on any endpoint";

    private readonly SidecarOptions _options;
    private readonly ListenSockets _sockets;
    private readonly RunningParts _parts;
    private readonly ILogger _log;
    private readonly ILogger _httpLog;
    private readonly ILogger _grpcApiLog;
    private readonly ILogger _internalLog;

    public SidecarPorts(SidecarOptions options, RunningParts parts, DaprLogging logging, TimeProvider time)
    {
        _options = options;
        _parts = parts;
        _sockets = new ListenSockets(time);
        _log = logging.CreateLogger("dapr.runtime");
        _httpLog = logging.CreateLogger("dapr.runtime.http");
        _grpcApiLog = logging.CreateLogger("dapr.runtime.grpc.api");
        _internalLog = logging.CreateLogger("dapr.runtime.grpc.internal");
    }

    /// <summary>The metrics port; taken is final at once.</summary>
    public async Task<Socket> BindMetricsAsync(CancellationToken cancellationToken)
    {
        var (address, port) = (_options.MetricsListenAddress, _options.MetricsPort);
        try
        {
            return await ListenSockets.BindAsync(address, port, cancellationToken);
        }
        catch (Exception e) when (ListenError.IsListenError(e))
        {
            throw new SidecarStartException($"failed to listen on {address}:{port}: {ListenError.Describe(address, port, e)}", e);
        }
    }

    /// <summary>The internal port, early: its number is announced before it is served. Null when it is taken; a second try follows when it is to be served.</summary>
    public Task<SocketListener?> ReserveInternalAsync(int port, CancellationToken cancellationToken) => _sockets.TryBindAsync(
        _options.InternalGrpcListenAddress,
        port,
        static endPoint => new SocketListener(endPoint),
        (_, reason) => Log.NotReserved(_log, reason),
        cancellationToken);

    /// <summary>The internal port, to be served now.</summary>
    public async Task<SocketListener> BindInternalAsync(SocketListener? reserved, int port, CancellationToken cancellationToken)
    {
        if (reserved is not null)
        {
            Log.InternalListening(_internalLog, reserved.LocalEndPoint.ToString() ?? "");
            return reserved;
        }

        var listener = await _sockets.TryBindAsync(
            _options.InternalGrpcListenAddress,
            port,
            static endPoint => new SocketListener(endPoint),
            (endPoint, reason) => Log.GrpcListenFailed(_internalLog, endPoint, reason),
            cancellationToken);
        if (listener is null)
        {
            throw NotBound("failed to start internal gRPC server: ", "", cancellationToken);
        }

        Log.GrpcListening(_internalLog, $"{_options.InternalGrpcListenAddress}:{port}");
        return listener;
    }

    /// <summary>The gRPC API's port on each listen address, or its socket file.</summary>
    public async Task<List<SocketListener>> BindGrpcApiAsync(CancellationToken cancellationToken)
    {
        if (SocketPath("grpc") is { } path)
        {
            return [BindSocketFile(path, static path => new SocketListener(new UnixDomainSocketEndPoint(path)), NoGrpcApi, Log.GrpcOnSocketPath, _grpcApiLog)];
        }

        var listeners = await _sockets.BindAllAsync(
            _options.ListenAddresses,
            _options.GrpcPort,
            static endPoint => new SocketListener(endPoint),
            (endPoint, reason) => Log.GrpcListenFailed(_grpcApiLog, endPoint, reason),
            cancellationToken);
        if (listeners.Count == 0)
        {
            throw NotBound(NoGrpcApi, "", cancellationToken);
        }

        foreach (var (endPoint, _) in listeners)
        {
            Log.GrpcListening(_grpcApiLog, endPoint);
        }

        return listeners.ConvertAll(static bound => bound.Listener);
    }

    /// <summary>The HTTP API's port on each listen address, or its socket file.</summary>
    public async Task<List<Socket>> BindHttpApiAsync(CancellationToken cancellationToken)
    {
        if (SocketPath("http") is { } path)
        {
            _parts.HttpEndPoints.Add(path);
            return [BindSocketFile(path, ListenSockets.BindUnix, NoHttpApi, Log.HttpOnSocketPath, _httpLog)];
        }

        var sockets = await _sockets.BindAllAsync(
            _options.ListenAddresses,
            _options.HttpPort,
            ListenSockets.Bind,
            (endPoint, reason) => Log.HttpListenFailed(_httpLog, endPoint, reason),
            cancellationToken);
        if (sockets.Count == 0)
        {
            throw NotBound(NoHttpApi, "", cancellationToken);
        }

        foreach (var (endPoint, socket) in sockets)
        {
            Log.HttpListening(_httpLog, endPoint);
            _parts.HttpEndPoints.Add(socket.LocalEndPoint!.ToString()!);
        }

        return sockets.ConvertAll(static bound => bound.Listener);
    }

    /// <summary>The public port; taken is final at once, and its own server says so.</summary>
    public async Task<Socket> BindPublicAsync(int port, CancellationToken cancellationToken)
    {
        try
        {
            var socket = await ListenSockets.BindAsync(_options.PublicListenAddress, port, cancellationToken);
            _parts.HttpEndPoints.Add($"{_options.PublicListenAddress}:{port}");
            return socket;
        }
        catch (Exception e) when (ListenError.IsListenError(e))
        {
            throw new SidecarStartException(new StartProblem("dapr.runtime.http", ListenError.Describe(_options.PublicListenAddress, port, e)), e);
        }
    }

    /// <summary>The profiling port on each listen address of the APIs, also where the APIs are on socket files.</summary>
    public async Task<List<Socket>> BindProfilingAsync(CancellationToken cancellationToken)
    {
        var sockets = await _sockets.BindAllAsync(
            _options.ListenAddresses,
            _options.ProfilePort,
            ListenSockets.Bind,
            (endPoint, reason) => Log.ProfilingListenFailed(_httpLog, endPoint, reason),
            cancellationToken);
        if (sockets.Count == 0)
        {
            throw NotBound(NoHttpApi, " for profiling API", cancellationToken);
        }

        foreach (var (endPoint, _) in sockets)
        {
            Log.ProfilingListening(_httpLog, endPoint);
            // daprd gives these servers no address of their own, so the line of their end names none.
            _parts.HttpEndPoints.Add("");
        }

        return sockets.ConvertAll(static bound => bound.Listener);
    }

    /// <summary>Whether the APIs are on socket files instead of ports.</summary>
    public bool OnSocketFiles => _options.UnixDomainSocketFolder.Length > 0;

    private string? SocketPath(string api) => OnSocketFiles ? Path.Combine(_options.UnixDomainSocketFolder, $"dapr-{_options.AppId}-{api}.socket") : null;

    private T BindSocketFile<T>(string path, Func<string, T> bind, string failure, Action<ILogger, string> bound, ILogger log)
    {
        try
        {
            var listener = bind(path);
            _parts.SocketFiles.Add(path);
            bound(log, path);
            return listener;
        }
        catch (SocketException e)
        {
            throw new SidecarStartException(failure + ListenError.DescribeUnix(path, e), e);
        }
    }

    private static Exception NotBound(string failure, string purpose, CancellationToken cancellationToken) => cancellationToken.IsCancellationRequested
        ? new OperationCanceledException(cancellationToken)
        : new SidecarStartException(failure + NoEndPoint + purpose);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "could not reserve internal gRPC port before component initialization; it will be bound when the internal gRPC server starts: {Reason}")]
        public static partial void NotReserved(ILogger logger, string reason);

        [LoggerMessage(Level = LogLevel.Information, Message = "gRPC server listening on pre-bound TCP address: {EndPoint}")]
        public static partial void InternalListening(ILogger logger, string endPoint);

        [LoggerMessage(Level = LogLevel.Error, Message = "Failed to listen for gRPC server on TCP address {EndPoint} with error: {Reason}")]
        public static partial void GrpcListenFailed(ILogger logger, string endPoint, string reason);

        [LoggerMessage(Level = LogLevel.Information, Message = "gRPC server listening on TCP address: {EndPoint}")]
        public static partial void GrpcListening(ILogger logger, string endPoint);

        [LoggerMessage(Level = LogLevel.Information, Message = "gRPC server listening on UNIX socket: {Path}")]
        public static partial void GrpcOnSocketPath(ILogger logger, string path);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Failed to listen for HTTP server on TCP address {EndPoint} with error: {Reason}")]
        public static partial void HttpListenFailed(ILogger logger, string endPoint, string reason);

        [LoggerMessage(Level = LogLevel.Information, Message = "HTTP server listening on TCP address: {EndPoint}")]
        public static partial void HttpListening(ILogger logger, string endPoint);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Failed to listen for profiling server on TCP address {EndPoint} with error: {Reason}")]
        public static partial void ProfilingListenFailed(ILogger logger, string endPoint, string reason);

        [LoggerMessage(Level = LogLevel.Information, Message = "HTTP profiling server listening on: {EndPoint}")]
        public static partial void ProfilingListening(ILogger logger, string endPoint);

        [LoggerMessage(Level = LogLevel.Information, Message = "HTTP server listening on UNIX socket: {Path}")]
        public static partial void HttpOnSocketPath(ILogger logger, string path);
    }
}
