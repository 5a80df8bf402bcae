using System.Globalization;
using System.Net;
using FastSidecar.AccessControl;
using FastSidecar.Api.Grpc;
using FastSidecar.Api.Http;
using FastSidecar.Api.Peer;
using FastSidecar.Configuration;
using FastSidecar.Inbound;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Observability.Logging;
using FastSidecar.Outbound;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Sockets;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>
/// The sidecar: constructs every part in dependency order and starts them in Dapr's order (dapr pkg/runtime/runtime.go v1.18.3, initRuntime).
/// <see cref="ShutdownSequence"/> takes it down.
/// </summary>
internal sealed partial class Sidecar
{
    /// <summary>
    /// What all slow streams of the process may hold: a thousand of them, each with a window of 64 KiB, on whatever connections they are.
    /// </summary>
    private const long ReceiveBudgetBytes = 64 << 20;

    private readonly ReceiveBudget _receiveBudget = new(ReceiveBudgetBytes);
    private readonly SidecarOptions _options;
    private readonly ConfigurationResource _configuration;
    private readonly EnvironmentVariables _environment;
    private readonly SidecarNode _node;
    private readonly DaprLogging _logging;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ILogger _httpLog;
    private readonly SidecarPorts _ports;
    private readonly Action<bool> _requestShutdown;

    /// <param name="options">Validated.</param>
    /// <param name="configuration">The Configuration resource in force.</param>
    /// <param name="environment">The process's environment.</param>
    /// <param name="node">Where this sidecar is.</param>
    /// <param name="logging">The program's log.</param>
    /// <param name="requestShutdown">Called when a client asks for the end through the API; true = without grace.</param>
    /// <param name="time">The program's clock.</param>
    public Sidecar(
        SidecarOptions options,
        ConfigurationResource configuration,
        EnvironmentVariables environment,
        SidecarNode node,
        DaprLogging logging,
        Action<bool> requestShutdown,
        TimeProvider time)
    {
        _options = options;
        _configuration = configuration;
        _environment = environment;
        _node = node;
        _logging = logging;
        _requestShutdown = requestShutdown;
        _time = time;
        _log = logging.CreateLogger("dapr.runtime");
        _httpLog = logging.CreateLogger("dapr.runtime.http");
        _ports = new SidecarPorts(options, Parts, logging, time);
        Readiness = new Readiness(Readiness.Runtime, Readiness.SecurityProvider, Readiness.GrpcApiServer, Readiness.GrpcInternalServer);
    }

    public Readiness Readiness { get; }

    /// <summary>Everything that has to be stopped, filled while starting: a start that is broken off is taken down as far as it came.</summary>
    public RunningParts Parts { get; } = new();

    /// <summary>
    /// Starts. Completes when the sidecar is ready, which waits for the app's port without limit. Throws <see cref="SidecarStartException"/> when the start fails for good, and
    /// OperationCanceledException when it was called off.
    /// </summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        var started = _time.GetTimestamp();
        var options = _options;

        // 1. Metrics port: busy is final, at once.
        await StartMetricsAsync(cancellationToken);
        Log.Mode(_log, options.Mode);
        Log.AppId(_log, options.AppId);

        // 2. Internal port: reserved early, served late.
        var internalPort = _node.InternalPort;
        var internalListener = await _ports.ReserveInternalAsync(internalPort, cancellationToken);

        // 3. Who we are, and how others are found.
        var hostAddress = _node.HostAddress ?? throw new SidecarStartException(HostAddress.NotFoundText);
        Log.Sampler(_log, _configuration.Tracing.SamplingRate.ToString(CultureInfo.InvariantCulture));
        var resolver = NameResolution.Create(_configuration.NameResolution, options, hostAddress, internalPort, _logging, _log, _time, Parts);

        // 4. The app.
        LogResources();
        var app = CreateApp();

        // 5. The way out and the way in.
        var observer = InvocationObserver.None;
        var messageLimit = MessageLimit(options.MaxBodyBytes);
        Parts.Channels = new ChannelPool(new ChannelPoolOptions { Http2 = PeerHttp2(options) }, _time);
        var peers = new PeerTargets(Parts.Channels, messageLimit, _time, observer);
        var outbound = new OutboundInvoker(
            new TargetRouter(options.AppId, options.Namespace),
            resolver,
            internalPort,
            peers,
            app.Invoked,
            new AttemptRunner(new BuiltInRetry(), _time),
            new CallerHeaders(options.AppId, options.Namespace, hostAddress, Dns.GetHostName()));
        var inbound = new InboundInvoker(app.Invoked, AccessPolicy.AllowAll);
        var inboundProxy = new InboundProxy(options.AppId, app.Proxied, AccessPolicy.AllowAll);
        var outboundProxy = new OutboundProxy(outbound, options.AppId, inboundProxy);

        // 6. APIs, in Dapr's order.
        await StartGrpcApiAsync(outbound, Proxied(outboundProxy, ProxyOrigin.Client, messageLimit, "dapr.runtime.grpc.api"), observer, messageLimit, cancellationToken);
        await StartHttpApiAsync(outbound, observer, cancellationToken);
        var proxied = Proxied(inboundProxy, ProxyOrigin.Peer, messageLimit, "dapr.runtime.grpc.internal");
        await StartInternalAsync(internalListener, internalPort, inbound, proxied, messageLimit, cancellationToken);
        Readiness.SetReady(Readiness.SecurityProvider);
        Readiness.SetOutboundReady();

        // 7. The app may take its time.
        if (options.AppPort > 0)
        {
            await WaitForAppAsync(cancellationToken);
            await app.StartAsync(cancellationToken);
        }

        if (options.AppPort <= 0)
        {
            SetInitialized();
        }

        Readiness.SetReady(Readiness.Runtime);
        Log.Initialized(_log, (long)_time.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>Dapr's limit of a message between sidecars is the body limit, also where that is 0: then every remote call fails.</summary>
    private static int MessageLimit(long maxBodyBytes) => (int)Math.Clamp(maxBodyBytes, 0, int.MaxValue);

    private Http2Options PeerHttp2(SidecarOptions options) =>
        new() { MaxHeaderListBytes = (int)Math.Min(int.MaxValue, options.ReadBufferBytes << 10), ReceiveBudget = _receiveBudget };

    private AppChannel CreateApp()
    {
        var channelsLog = _logging.CreateLogger("dapr.runtime.channels");
        Log.RefreshingChannels(channelsLog);
        if (_options.AppPort <= 0)
        {
            Log.NoAppChannel(channelsLog);
        }
        else
        {
            Log.ChannelsRefreshed(channelsLog);
            if (_options.AppMaxConcurrency > 0)
            {
                Log.MaxConcurrency(_log, _options.AppMaxConcurrency);
            }
        }

        return Parts.App = new AppChannel(_options, _environment.AppApiToken, TracesHeaders, PeerHttp2(_options), SetInitialized, _time, _logging);
    }

    private ProxiedCalls Proxied(IProxyRouter router, ProxyOrigin origin, int messageLimit, string scope) => new(
        router,
        new ProxyOptions { MaxMessageBytes = messageLimit, Origin = origin, ChecksBaggage = TracesHeaders },
        _time,
        _logging.CreateLogger(scope));

    private bool TracesHeaders => _configuration.Tracing.IsEnabled;

    private async Task StartMetricsAsync(CancellationToken cancellationToken)
    {
        if (!_options.MetricsEnabled)
        {
            return;
        }

        Parts.Metrics = new HttpServer([await _ports.BindMetricsAsync(cancellationToken)], new MetricsHandler(), http2: null, _logging, _time);
        await Parts.Metrics.StartAsync(CancellationToken.None);
        Log.MetricsStarted(_log, _options.MetricsListenAddress, _options.MetricsPort);
    }

    private async Task StartGrpcApiAsync(
        OutboundInvoker outbound, ProxiedCalls proxied, InvocationObserver observer, int messageLimit, CancellationToken cancellationToken)
    {
        var api = new GrpcApiOptions
        {
            ApiToken = _environment.ApiToken,
            MaxMessageBytes = messageLimit,
            AppId = _options.AppId,
            Namespace = _options.Namespace,
            ChecksBaggage = TracesHeaders,
        };
        var service = new GrpcApi(api, outbound, proxied, _metadata ??= CreateMetadata(), Readiness, _requestShutdown)
            .Create(observer, _time, _logging.CreateLogger("dapr.runtime.grpc.api"), IsApiLogged ? new ApiLog(_logging) : null);
        var listeners = await _ports.BindGrpcApiAsync(cancellationToken);
        Parts.GrpcApi = new Http2Listener(service, PeerHttp2(_options), _time, _log);
        foreach (var listener in listeners)
        {
            Parts.GrpcApi.Start(listener);
        }

        LogGrpcTracing("dapr.runtime.grpc.api");
        Readiness.SetReady(Readiness.GrpcApiServer);
        if (_ports.OnSocketFiles)
        {
            Log.GrpcOnSocket(_log);
        }
        else
        {
            Log.GrpcRunning(_log, _options.GrpcPort);
        }
    }

    private async Task StartHttpApiAsync(OutboundInvoker outbound, InvocationObserver observer, CancellationToken cancellationToken)
    {
        var routes = CreateRoutes(outbound, observer);
        if (_options.MaxBodyBytes > 0)
        {
            Log.BodyLimit(_httpLog, _options.MaxBodyBytes);
        }

        if (TracesHeaders)
        {
            Log.TracingEnabled(_httpLog);
        }

        var handler = new HttpApi(ApiOptions(), new RouteTable(RouteTable.ApiPort, invokeIsFallback: true), routes, CreateApiLog(), _httpLog, _time);
        var http2 = _environment.HttpH2cDisabled ? null : new Http2Api(handler, ApiHttp2(), _httpLog, _time);
        var sockets = await _ports.BindHttpApiAsync(cancellationToken);
        Parts.HttpApi = new HttpServer(sockets, handler, http2 is null ? null : http2.ServeAsync, _logging, _time);
        await Parts.HttpApi.StartAsync(CancellationToken.None);
        await StartPublicAsync(cancellationToken);
        await StartProfilingAsync(cancellationToken);
        if (_ports.OnSocketFiles)
        {
            Log.HttpOnSocket(_log);
        }
        else
        {
            Log.HttpRunning(_log, _options.HttpPort);
        }

        Log.BodyLimitParameter(_log, _options.MaxBodyBytes);
    }

    private async Task StartPublicAsync(CancellationToken cancellationToken)
    {
        if (_options.PublicPort is not { } port)
        {
            return;
        }

        var routes = new HttpRoutes(null, HealthRoute(), MetadataRoute(maxBodyBytes: 0), null, null);
        var handler = new HttpApi(
            new HttpApiOptions { MaxHeadBytes = MaxHeadBytes, TraceHeaders = TracesHeaders }, new RouteTable(RouteTable.PublicPort, invokeIsFallback: false), routes, null, _httpLog, _time);
        Parts.PublicHttp = new HttpServer([await _ports.BindPublicAsync(port, cancellationToken)], handler, http2: null, _logging, _time);
        await Parts.PublicHttp.StartAsync(CancellationToken.None);
        if (TracesHeaders)
        {
            Log.TracingEnabled(_httpLog);
        }
    }

    private async Task StartProfilingAsync(CancellationToken cancellationToken)
    {
        if (_options.ProfilingEnabled)
        {
            Parts.Profiling = new HttpServer(await _ports.BindProfilingAsync(cancellationToken), new ProfilingHandler(), http2: null, _logging, _time);
            await Parts.Profiling.StartAsync(CancellationToken.None);
        }
    }

    private async Task StartInternalAsync(
        SocketListener? reserved, int port, InboundInvoker inbound, ProxiedCalls proxied, int messageLimit, CancellationToken cancellationToken)
    {
        var listener = await _ports.BindInternalAsync(reserved, port, cancellationToken);
        var service = new PeerService(
            inbound, proxied, new PeerServiceOptions(messageLimit, TracesHeaders), _time, _logging.CreateLogger("dapr.runtime.grpc.internal"));
        Parts.Internal = new Http2Listener(service, PeerHttp2(_options), _time, _log);
        Parts.Internal.Start(listener);
        LogGrpcTracing("dapr.runtime.grpc.internal");
        Readiness.SetReady(Readiness.GrpcInternalServer);
        Log.InternalRunning(_log, _options.InternalGrpcListenAddress, port);
    }

    private async Task WaitForAppAsync(CancellationToken cancellationToken)
    {
        await new AppWait(_options.AppChannelAddress, _options.AppPort, _options.AppProtocol, _time, _log).RunAsync(cancellationToken);
    }

    private HttpRoutes CreateRoutes(OutboundInvoker outbound, InvocationObserver observer)
    {
        var invoke = new InvokeOptions
        {
            MaxBodyBytes = Math.Max(0, _options.MaxBodyBytes),
            ApiTokenChecked = _environment.ApiToken.Length > 0,
            ReplayBytes = _options.ReplayBufferBytes,
        };
        return new HttpRoutes(
            new InvokeRoute(outbound, invoke, observer, _time),
            HealthRoute(),
            MetadataRoute(Math.Max(0, _options.MaxBodyBytes)),
            new ShutdownRoute(_requestShutdown),
            new BuildingBlockRoute(_options.AppId, _options.Namespace, Math.Max(0, _options.MaxBodyBytes)));
    }

    private HealthRoute HealthRoute() => new(Readiness, _options.AppId);

    private MetadataRoute MetadataRoute(long maxBodyBytes) => new(_metadata ??= CreateMetadata(), maxBodyBytes);

    private RuntimeMetadata? _metadata;

    private void SetInitialized() => (_metadata ??= CreateMetadata()).IsInitialized = true;

    private RuntimeMetadata CreateMetadata() => new(
        _options.AppId,
        ProductVersion.Dapr,
        new AppConnectionProperties
        {
            Port = _options.AppPort,
            Protocol = _options.AppProtocol.ToString().ToLowerInvariant(),
            ChannelAddress = _options.AppChannelAddress,
            MaxConcurrency = _options.AppMaxConcurrency,
            Health = _options.AppHealthCheckEnabled ? AppHealth() : null,
        });

    private AppHealthProperties AppHealth() => new(
        _options.AppProtocol is AppProtocol.Grpc or AppProtocol.Grpcs ? null : _options.AppHealthCheckPath,
        Configuration.Flags.GoDuration.Format(_options.AppHealthProbeInterval),
        Configuration.Flags.GoDuration.Format(_options.AppHealthProbeTimeout),
        _options.AppHealthThreshold);

    /// <summary>Go's server takes the read buffer for the limit of a head and adds 4096 of its own.</summary>
    private int MaxHeadBytes => (int)Math.Min(int.MaxValue, _options.ReadBufferBytes + 4096);

    private HttpApiOptions ApiOptions()
    {
        if (_environment.ApiToken.Length > 0)
        {
            Log.TokenEnabled(_httpLog);
        }

        return new HttpApiOptions
        {
            ApiToken = _environment.ApiToken,
            MaxHeadBytes = MaxHeadBytes,
            Cors = CorsPolicy.Parse(_options.AllowedOrigins),
            TraceHeaders = TracesHeaders,
        };
    }

    /// <summary>What Go's server announces on the API port (recorded: http2-ingress).</summary>
    private Http2Options ApiHttp2() => new()
    {
        MaxConcurrentStreams = 250,
        StreamWindowBytes = 1024 * 1024,
        MaxFrameBytes = 1024 * 1024,
        MaxHeaderListBytes = (int)Math.Min(int.MaxValue, _options.ReadBufferBytes + 320),
        KeepAliveInterval = TimeSpan.Zero,
        MaxIdle = TimeSpan.Zero,
        ReceiveBudget = _receiveBudget,
    };

    private bool IsApiLogged => _options.ApiLogging ?? _configuration.ApiLogging.Enabled;

    private ApiLogPolicy? CreateApiLog() => IsApiLogged
        ? new ApiLogPolicy(new ApiLog(_logging), _configuration.ApiLogging.ObfuscateUrls, _configuration.ApiLogging.OmitHealthChecks)
        : null;

    private void LogGrpcTracing(string scope)
    {
        if (TracesHeaders)
        {
            Log.GrpcTracingEnabled(_logging.CreateLogger(scope));
        }
    }

    private void LogResources()
    {
        Log.LoadingComponents(_log);
        Log.WaitingForComponents(_log);
        Log.ComponentsProcessed(_log);
        Log.LoadingEndpoints(_log);
        Log.WaitingForEndpoints(_log);
        Log.EndpointsProcessed(_log);
    }
}
