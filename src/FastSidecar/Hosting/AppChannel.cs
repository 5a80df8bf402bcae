using System.Globalization;
using System.Net;
using FastSidecar.Configuration;
using FastSidecar.Invocation;
using FastSidecar.Targets.Apps;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Tls;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>Everything between this sidecar and its app: connections, targets, the gate before them, health.</summary>
internal sealed partial class AppChannel : IAsyncDisposable
{
    private readonly SidecarOptions _options;
    private readonly Action _ready;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly HttpAppTarget? _http;
    private readonly ChannelPool? _channels;

    /// <param name="options">Of the program.</param>
    /// <param name="apiToken">What the app wants to be shown (APP_API_TOKEN); empty for nothing.</param>
    /// <param name="tracesHeaders">Apps get a trace context even when none came.</param>
    /// <param name="http2">How HTTP/2 is spoken with peers; apps are not pinged.</param>
    /// <param name="ready">Called once, when the app is listening and, where that is looked at, healthy.</param>
    /// <param name="time">The program's clock.</param>
    /// <param name="loggers">The program's log.</param>
    public AppChannel(
        SidecarOptions options, string apiToken, bool tracesHeaders, Http2Options http2, Action ready, TimeProvider time, ILoggerFactory loggers)
    {
        _ready = ready;
        _options = options;
        _time = time;
        _log = loggers.CreateLogger("dapr.runtime");
        var maxMessageBytes = (int)Math.Clamp(options.MaxBodyBytes, 0, int.MaxValue);

        // No port has a higher number; daprd takes it and waits for such an app for ever.
        if (options.AppPort is <= 0 or > IPEndPoint.MaxPort)
        {
            Proxied = new AppProxyTarget(null, "", tls: false, apiToken, maxMessageBytes, time, InvocationObserver.None);
            return;
        }

        var isGrpc = options.AppProtocol is AppProtocol.Grpc or AppProtocol.Grpcs;
        var tls = options.AppProtocol == AppProtocol.Grpcs;
        var host = options.AppChannelAddress.Contains(':', StringComparison.Ordinal) ? $"[{options.AppChannelAddress}]" : options.AppChannelAddress;
        var key = new ChannelKey(string.Create(CultureInfo.InvariantCulture, $"{host}:{options.AppPort}"), "", "");
        _channels = CreateChannels(http2, tls, isGrpc);

        // Whatever protocol the app is said to speak, proxied calls reach it by gRPC.
        Proxied = new AppProxyTarget(_channels.For(key), key.Address, tls, apiToken, maxMessageBytes, time, InvocationObserver.None);

        ITarget target;
        AppProbe? probe = null;
        if (isGrpc)
        {
            var app = new GrpcAppOptions { Address = key.Address, Tls = tls, ApiToken = apiToken, MaxMessageBytes = maxMessageBytes };
            target = new GrpcAppTarget(app, _channels, key, time, InvocationObserver.None);
            probe = new GrpcAppProbe(app, _channels, key, options.AppHealthProbeTimeout, loggers.CreateLogger("dapr.apphealth")).AskAsync;
        }
        else
        {
            var app = new HttpAppOptions
            {
                Address = options.AppChannelAddress,
                Port = options.AppPort,
                ApiToken = apiToken,
                MaxResponseHeadBytes = (int)Math.Min(int.MaxValue, options.ReadBufferBytes),
                TraceHeaders = tracesHeaders,
            };
            (target, probe) = CreateHttp(app, _channels, key, out _http);
        }

        Health = options.AppHealthCheckEnabled && probe is not null ? CreateHealth(probe, loggers) : null;
        Invoked = Health is not null || options.AppMaxConcurrency > 0 ? new AppGate(target, Health, options.AppMaxConcurrency) : target;
    }

    /// <summary>The app as invocations reach it; null without one.</summary>
    public ITarget? Invoked { get; }

    /// <summary>The app as proxied gRPC calls reach it; there even without one, to say so.</summary>
    public ITarget Proxied { get; }

    /// <summary>Null unless it was asked for.</summary>
    public AppHealth? Health { get; }

    /// <summary>The app is listening: its configuration is asked for, at once or when it is found healthy for the first time.</summary>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (Health is not null)
        {
            Health.Start();
            return;
        }

        await BeginAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (Health is not null)
        {
            await Health.DisposeAsync();
        }

        if (_http is not null)
        {
            await _http.DisposeAsync();
        }

        if (_channels is not null)
        {
            await _channels.DisposeAsync();
        }
    }

    /// <summary>An app is not pinged, and its first connection stays.</summary>
    private ChannelPool CreateChannels(Http2Options http2, bool tls, bool isGrpc) => new(
        new ChannelPoolOptions
        {
            Http2 = http2 with { KeepAliveInterval = TimeSpan.Zero, ChecksContentLength = !isGrpc },
            KeepsFirst = true,
            Credentials = tls ? new AnyPeerCredentials() : null,
        },
        _time);

    private (ITarget Target, AppProbe? Probe) CreateHttp(HttpAppOptions app, ChannelPool channels, ChannelKey key, out HttpAppTarget? http)
    {
        http = null;
        switch (_options.AppProtocol)
        {
            case AppProtocol.Http:
                http = new HttpAppTarget(app, _time, InvocationObserver.None);
                return (http, http.Probe(_options.AppHealthCheckPath));
            case AppProtocol.H2c:
                return (new H2cAppTarget(app, channels, _time, InvocationObserver.None), new H2cAppProbe(channels, key, _options.AppHealthCheckPath).AskAsync);
            default:
                var protocol = _options.AppProtocol.ToString().ToLowerInvariant();
                Log.ProtocolNotSpoken(_log, protocol);
                return (new UnspokenAppTarget(protocol, app.Address, app.Port, _time), null);
        }
    }

    private AppHealth CreateHealth(AppProbe probe, ILoggerFactory loggers) => new(
        new AppHealthOptions
        {
            Interval = _options.AppHealthProbeInterval,
            Timeout = _options.AppHealthProbeTimeout,
            Threshold = _options.AppHealthThreshold,
        },
        probe,
        BeginAsync,
        _time,
        loggers.CreateLogger("dapr.apphealth"));

    private async Task BeginAsync(CancellationToken cancellationToken)
    {
        _ready();
        await LoadConfigurationAsync(cancellationToken);
    }

    private async Task LoadConfigurationAsync(CancellationToken cancellationToken)
    {
        if (_options.DisabledInitEndpoints.Contains("config"))
        {
            Log.ConfigSkipped(_log);
        }
        else if (_http is not null && await _http.RequestConfigAsync(_options.AppId, cancellationToken))
        {
            Log.ConfigLoaded(_log);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "app protocol {Protocol} is not spoken by this version of FastSidecar: calls of the app fail")]
        public static partial void ProtocolNotSpoken(ILogger logger, string protocol);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Skipping programmatic dapr configuration loading (see 'disable-init-endpoints' flag/annotation)")]
        public static partial void ConfigSkipped(ILogger logger);

        [LoggerMessage(Level = LogLevel.Information, Message = "Application configuration loaded")]
        public static partial void ConfigLoaded(ILogger logger);
    }
}
