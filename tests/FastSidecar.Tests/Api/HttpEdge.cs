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

    private HttpEdge()
    {
        var time = TimeProvider.System;
        _channels = new ChannelPool(new ChannelPoolOptions(), time);
        _resolver = new CachingResolver(new LocalResolver(), new CachingOptions(), time, NullLogger.Instance);
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
            new InvokeRoute(outbound, new InvokeOptions(), InvocationObserver.None), new HealthRoute(readiness, "a"), metadata, shutdown: null, blocks: null);
        var api = new HttpApi(new HttpApiOptions(), new RouteTable(RouteTable.PublicPort, invokeIsFallback: true), routes, apiLog: null, Log, time);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _address = new Uri($"http://127.0.0.1:{((IPEndPoint)socket.LocalEndPoint!).Port}");
        _server = new HttpServer([socket], api, new Http2Api(api, new Http2Options(), Log, time).ServeAsync, NullLoggerFactory.Instance);
    }

    /// <summary>The own app, app id <c>a</c>.</summary>
    public ScriptedTarget App { get; } = new();

    public LinesLogger Log { get; } = new();

    public static async Task<HttpEdge> StartAsync()
    {
        var edge = new HttpEdge();
        await edge._server.StartAsync(CancellationToken.None);
        return edge;
    }

    public Task<HttpResponseMessage> GetAsync(string path, int httpVersion) => SendAsync(HttpMethod.Get, path, httpVersion);

    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, int httpVersion, string accept = "*/*")
    {
        var request = new HttpRequestMessage(method, new Uri(_address, path))
        {
            Version = new Version(httpVersion, httpVersion == 1 ? 1 : 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
        };
        request.Headers.Add("Accept", accept);
        return _client.SendAsync(request).Within($"the answer to {path}");
    }

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

    private sealed class LocalResolver : INameResolver
    {
        public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(ResolveResult.Found(["127.0.0.1:1"], isComplete: true));
    }
}
