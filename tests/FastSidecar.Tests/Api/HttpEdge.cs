using System.Net;
using System.Net.Sockets;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using FastSidecar.Outbound;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Resolution;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Http2;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastSidecar.Tests.Api;

/// <summary>The HTTP API on a port of its own, in front of a target of the test's.</summary>
internal sealed class HttpEdge : IAsyncDisposable
{
    private readonly HttpServer _server;
    private readonly ChannelPool _channels;
    private readonly CachingResolver _resolver;
    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, Expect100ContinueTimeout = TestTimeouts.Default });
    private readonly Uri _address;

    private HttpEdge(HttpApiOptions options, TimeProvider time, TimeProvider serverTime)
    {
        _channels = new ChannelPool(new ChannelPoolOptions(), time);
        _resolver = new CachingResolver(new LocalResolver(this), new CachingOptions(), time, NullLogger.Instance);
        var outbound = new OutboundInvoker(
            new TargetRouter("a", "default"),
            _resolver,
            port: 1,
            new PeerTargets(_channels, 4 << 20, time, InvocationObserver.None),
            App,
            new AttemptRunner(new BuiltInRetry(), time),
            new CallerHeaders("a", "default", "127.0.0.1", "host"));
        var readiness = new Readiness();
        var metadata = new MetadataRoute(new RuntimeMetadata("a", "1.18.3", new AppConnectionProperties()), 1024);
        var routes = new HttpRoutes(
            new InvokeRoute(outbound, new InvokeOptions(), Observer, time), new HealthRoute(readiness, "a"), metadata, shutdown: null, blocks: null);
        var api = new HttpApi(options, new RouteTable(RouteTable.PublicPort, invokeIsFallback: true), routes, apiLog: null, Log, time);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _address = new Uri($"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}");
        _server = new HttpServer([socket], api, new Http2Api(api, new Http2Options(), Log, time).ServeAsync, NullLoggerFactory.Instance, serverTime);
    }

    /// <summary>The own app, app id <c>a</c>.</summary>
    public ScriptedTarget App { get; } = new();

    /// <summary>What every look-up gives.</summary>
    public ResolveResult Resolved { get; set; } = ResolveResult.Found(["127.0.0.1:1"], isComplete: true);

    public LinesLogger Log { get; } = new();

    /// <summary>Sees the end of every invocation.</summary>
    public RecordingObserver Observer { get; } = new();

    /// <param name="options">Of the API; null for the defaults.</param>
    /// <param name="time">What the API waits by; null for the system's.</param>
    /// <param name="serverTime">What the server waits by; null for the system's.</param>
    public static async Task<HttpEdge> StartAsync(HttpApiOptions? options = null, TimeProvider? time = null, TimeProvider? serverTime = null)
    {
        var edge = new HttpEdge(options ?? new HttpApiOptions(), time ?? TimeProvider.System, serverTime ?? TimeProvider.System);
        await edge._server.StartAsync(CancellationToken.None);
        return edge;
    }

    public Task<RawClient> ConnectAsync() => RawClient.ConnectAsync(_address.Port);

    /// <summary>Ends the server as a shutdown does; without a limit.</summary>
    public Task StopAsync() => _server.StopAsync(CancellationToken.None);

    public Task<HttpResponseMessage> GetAsync(string path, int httpVersion, params IEnumerable<(string Name, string Value)> headers) =>
        SendAsync(path, HttpMethod.Get, httpVersion, HttpCompletionOption.ResponseContentRead, headers);

    /// <summary>Returns as soon as the head is there.</summary>
    public Task<HttpResponseMessage> GetHeadAsync(string path, int httpVersion, HttpMethod? method = null) =>
        SendAsync(path, method ?? HttpMethod.Get, httpVersion, HttpCompletionOption.ResponseHeadersRead, []);

    public Task<HttpResponseMessage> SendStreamAsync(HttpMethod method, string path, int httpVersion) =>
        SendAsync(path, method, httpVersion, HttpCompletionOption.ResponseContentRead, [("Accept", "text/event-stream")]);

    /// <summary>A POST whose body waits for the server's 100.</summary>
    public Task<HttpResponseMessage> PostExpectingAsync(string path)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_address, path)) { Content = new StringContent("body") };
        request.Headers.ExpectContinue = true;
        return _client.SendAsync(request).Within($"the answer to {path}");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        using var patience = new CancellationTokenSource(TestTimeouts.Default);
        await _server.StopAsync(patience.Token);
        await _server.DisposeAsync();
        await _resolver.DisposeAsync();
        await _channels.DisposeAsync();
    }

    private Task<HttpResponseMessage> SendAsync(
        string path,
        HttpMethod method,
        int httpVersion,
        HttpCompletionOption completion,
        IEnumerable<(string Name, string Value)> headers)
    {
        var request = new HttpRequestMessage(method, new Uri(_address, path))
        {
            Version = new Version(httpVersion, httpVersion == 1 ? 1 : 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return _client.SendAsync(request, completion).Within($"the answer to {path}");
    }

    private sealed class LocalResolver(HttpEdge edge) : INameResolver
    {
        public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken) => ValueTask.FromResult(edge.Resolved);
    }
}
