using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Xunit;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>The two roles against HTTP/2 that others wrote: .NET's client, Kestrel, nghttp2.</summary>
public sealed class InteropTests
{
    private const int BigBody = 64 << 20;

    [Fact]
    public async Task DotNetClient_CallsOurServer()
    {
        await using var server = new SocketServer(Handlers.EchoAsync);
        using var client = NewClient();
        for (var i = 0; i < 50; i++)
        {
            using var request = Request(server, new ByteArrayContent(Encoding.ASCII.GetBytes($"body {i}")));
            using var response = await client.SendAsync(request).Within("response");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal($"body {i}", await response.Content.ReadAsStringAsync().Within("body"));
            Assert.Equal("0", Assert.Single(response.TrailingHeaders.GetValues("grpc-status")));
        }
    }

    [Fact]
    public async Task DotNetClient_MovesBigBodiesToAndFromOurServer()
    {
        // One way after the other: this client does not read an answer before it has sent its content.
        await using var server = new SocketServer(async stream =>
        {
            var body = await stream.ReadAllAsync();
            stream.WriteHead(Heads.Response(more: ("x-hash", Convert.ToHexString(SHA256.HashData(body)))), endStream: false);
            await stream.Output.WriteAsync(body);
            stream.End(null);
        });
        using var client = NewClient();
        var body = new byte[BigBody];
        new Random(3).NextBytes(body);
        using var request = Request(server, new ByteArrayContent(body));
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead).Within("response");
        var hash = SHA256.HashData(body);
        Assert.Equal(Convert.ToHexString(hash), Assert.Single(response.Headers.GetValues("x-hash")));
        Assert.Equal(hash, await SHA256.HashDataAsync(await response.Content.ReadAsStreamAsync()).AsTask().Within("body"));
    }

    [Fact]
    public async Task DotNetClient_RunsAThousandRequestsAtOnce()
    {
        await using var server = new SocketServer(Handlers.EchoAsync);
        using var client = NewClient();
        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(async i =>
        {
            using var request = Request(server, new ByteArrayContent(Encoding.ASCII.GetBytes($"body {i}")));
            using var response = await client.SendAsync(request);
            return await response.Content.ReadAsStringAsync();
        })).Within("answers");
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"body {i}"), answers);
    }

    [Fact]
    public async Task DotNetClient_SeesResetsAndDrains()
    {
        await using var server = new SocketServer(async stream =>
        {
            if (stream.Headers.Get(":path") == "/reset")
            {
                stream.Reset(Http2ErrorCode.InternalError);
                return;
            }

            await Handlers.EchoAsync(stream);
        });
        using var client = NewClient();
        using (var request = Request(server, new ByteArrayContent([1]), "/reset"))
        {
            await Assert.ThrowsAsync<HttpRequestException>(() => client.SendAsync(request).Within("failure"));
        }

        for (var i = 0; i < 5; i++)
        {
            using var request = Request(server, new ByteArrayContent([1, 2]));
            using var response = await client.SendAsync(request).Within("response");
            Assert.Equal([1, 2], await response.Content.ReadAsByteArrayAsync().Within("body"));
            await server.Connections[^1].DrainAsync().Within("drained");
        }

        Assert.Equal(5, server.Connections.Count);
    }

    [Fact]
    public async Task OurClient_CallsKestrel()
    {
        await using var kestrel = await Kestrel.StartAsync();
        await using var client = await ConnectAsync(kestrel.EndPoint);
        for (var i = 0; i < 50; i++)
        {
            Assert.True(client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(more: ("x-echo", $"header {i}")), endStream: false);
            Encoding.ASCII.GetBytes($"body {i}", stream.Output);
            stream.End(null);
            await stream.ReadHeadAsync(default).AsTask().Within("head");
            Assert.Equal("200", stream.Headers.Get(":status"));
            Assert.Equal($"header {i}", stream.Headers.Get("x-echo"));
            Assert.Equal($"body {i}", Encoding.ASCII.GetString(await stream.ReadAllAsync().Within("body")));
            Assert.Equal("done", stream.Trailers.Get("x-trailer"));
            stream.Dispose();
        }
    }

    [Fact]
    public async Task OurClient_MovesBigBodiesThroughKestrel()
    {
        await using var kestrel = await Kestrel.StartAsync();
        await using var client = await ConnectAsync(kestrel.EndPoint);
        var body = new byte[BigBody];
        new Random(4).NextBytes(body);
        Assert.True(client.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(), endStream: false);
        var upload = Task.Run(async () =>
        {
            for (var at = 0; at < body.Length; at += 1 << 20)
            {
                await stream.Output.WriteAsync(body.AsMemory(at, 1 << 20));
            }

            stream.End(null);
        });
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        var received = await stream.ReadAllAsync().Within("body");
        await upload.Within("upload");
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(received));
        stream.Dispose();
    }

    [Fact]
    public async Task OurClient_RunsAHundredStreamsAtOnceOnKestrel()
    {
        await using var kestrel = await Kestrel.StartAsync();
        await using var client = await ConnectAsync(kestrel.EndPoint);
        Assert.Equal(100, client.MaxStreams); // Kestrel's default
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i =>
        {
            Assert.True(client.TryOpenStream(out var stream));
            stream.WriteHead(Heads.Request(), endStream: false);
            Encoding.ASCII.GetBytes($"body {i}", stream.Output);
            stream.End(null);
            await stream.ReadHeadAsync(default);
            Assert.Equal($"body {i}", Encoding.ASCII.GetString(await stream.ReadAllAsync()));
            stream.Dispose();
        })).Within("answers");
    }

    [Fact]
    public async Task KestrelAnswersEarly_IsASuccess()
    {
        await using var kestrel = await Kestrel.StartAsync();
        await using var client = await ConnectAsync(kestrel.EndPoint);
        Assert.True(client.TryOpenStream(out var stream));
        stream.WriteHead(Heads.Request(path: "/early"), endStream: false);
        stream.Flush();
        await stream.ReadHeadAsync(default).AsTask().Within("head");
        Assert.Equal("early", Encoding.ASCII.GetString(await stream.ReadAllAsync().Within("body")));
        while (!(await stream.Output.WriteAsync(new byte[16_384]).AsTask().Within("write")).IsCompleted)
        {
            // Until Kestrel's RST_STREAM NO_ERROR has come.
        }

        stream.Dispose();
        Assert.False(client.Closed.IsCompleted);
    }

    [ToolFact("nghttp")]
    public async Task Nghttp_CallsOurServer()
    {
        await using var server = new SocketServer(Handlers.EchoAsync);
        var output = await Tools.RunAsync("nghttp", $"-v --no-dep -d {typeof(InteropTests).Assembly.Location} http://127.0.0.1:{server.Port}/x");
        Assert.Contains(":status: 200", output, StringComparison.Ordinal);
        Assert.Contains("grpc-status: 0", output, StringComparison.Ordinal);
        Assert.DoesNotContain("ERROR", output.Replace("NO_ERROR", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [ToolTheory("h2load")]
    [InlineData("-n 20000 -c 10 -m 100")]
    [InlineData("-n 300 -c 3 -m 10 -w 20 -W 24 -d {file}")]
    [InlineData("-n 3000 -c 2 -m 500 -H x-large:{large}")]
    public async Task H2load_LoadsOurServer(string arguments)
    {
        await using var server = new SocketServer(Handlers.EchoAsync);
        var output = await Tools.RunAsync(
            "h2load",
            arguments.Replace("{file}", typeof(InteropTests).Assembly.Location, StringComparison.Ordinal)
                .Replace("{large}", new string('l', 5_000), StringComparison.Ordinal) + $" http://127.0.0.1:{server.Port}/x");
        Assert.Contains(" 0 failed, 0 errored, 0 timeout", output, StringComparison.Ordinal);
        Assert.Empty(server.Handler.Failures);
    }

    private static HttpClient NewClient() => new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TestTimeouts.Default };

    private static HttpRequestMessage Request(SocketServer server, HttpContent content, string path = "/echo")
    {
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{server.Port}{path}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
    }

    private static async Task<Http2Connection> ConnectAsync(EndPoint endPoint)
    {
        var transport = await SocketConnector.ConnectAsync(endPoint, TestTimeouts.Default, TimeProvider.System, default);
        var client = Http2Connection.StartClient(transport, new Http2Options(), TimeProvider.System);
        await client.Ready.Within("settings");
        return client;
    }

    /// <summary>Our server on a port.</summary>
    private sealed class SocketServer : IAsyncDisposable
    {
        private readonly SocketListener _listener = new(new IPEndPoint(IPAddress.Loopback, 0));
        private readonly List<Http2Connection> _connections = [];

        public SocketServer(Func<Http2Stream, Task> handle)
        {
            Handler = new TestHandler(handle);
            _listener.Start(transport =>
            {
                var connection = Http2Connection.StartServer(transport, new Http2Options(), Handler, TimeProvider.System);
                lock (_connections)
                {
                    _connections.Add(connection);
                }
            });
        }

        public TestHandler Handler { get; }

        public int Port => ((IPEndPoint)_listener.LocalEndPoint).Port;

        public IReadOnlyList<Http2Connection> Connections
        {
            get
            {
                lock (_connections)
                {
                    return [.. _connections];
                }
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _listener.DisposeAsync();
            await Task.WhenAll(Connections.Select(c => c.DisposeAsync().AsTask())).Within("the connections' end");
        }
    }

    /// <summary>Kestrel with prior-knowledge HTTP/2 and nothing around it.</summary>
    private sealed class Kestrel : IHttpApplication<IFeatureCollection>, IAsyncDisposable
    {
        private readonly KestrelServer _server;

        private Kestrel(KestrelServer server) => _server = server;

        public EndPoint EndPoint { get; private set; } = null!;

        public static async Task<Kestrel> StartAsync()
        {
            var options = new KestrelServerOptions();
            options.Limits.MaxRequestBodySize = null;
            options.Limits.MinRequestBodyDataRate = null;
            var transport = new SocketTransportFactory(Options.Create(new SocketTransportOptions()), NullLoggerFactory.Instance);
            options.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            var kestrel = new Kestrel(new KestrelServer(Options.Create(options), transport, NullLoggerFactory.Instance));
            await kestrel._server.StartAsync(kestrel, default).Within("Kestrel");
            var address = kestrel._server.Features.Get<IServerAddressesFeature>()!.Addresses.Single();
            kestrel.EndPoint = new IPEndPoint(IPAddress.Loopback, new Uri(address).Port);
            return kestrel;
        }

        public IFeatureCollection CreateContext(IFeatureCollection contextFeatures) => contextFeatures;

        public void DisposeContext(IFeatureCollection context, Exception? exception)
        {
        }

        public async Task ProcessRequestAsync(IFeatureCollection context)
        {
            var request = context.GetRequiredFeature<IHttpRequestFeature>();
            var response = context.GetRequiredFeature<IHttpResponseFeature>();
            var body = context.GetRequiredFeature<IHttpResponseBodyFeature>();
            response.Headers["x-echo"] = request.Headers["x-echo"];
            if (request.Path == "/early")
            {
                await body.Writer.WriteAsync("early"u8.ToArray());
                await body.CompleteAsync();
                return;
            }

            context.GetRequiredFeature<IHttpResponseTrailersFeature>().Trailers["x-trailer"] = "done";
            await request.Body.CopyToAsync(body.Stream);
            await body.CompleteAsync();
        }

        public async ValueTask DisposeAsync()
        {
            using var atOnce = new CancellationTokenSource(0);
            await _server.StopAsync(atOnce.Token);
            _server.Dispose();
        }
    }

    private static class Tools
    {
        /// <summary>Why tests with that program are skipped here; null when it is installed.</summary>
        public static string? WhyNot(string name) =>
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, name)))
                ? null
                : $"{name} is not installed (Debian: apt-get install nghttp2-client)";

        public static async Task<string> RunAsync(string name, string arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(name, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            try
            {
                var output = process.StandardOutput.ReadToEndAsync();
                var errors = process.StandardError.ReadToEndAsync();
                await process.WaitForExitAsync().Within(name);
                return await output + await errors;
            }
            finally
            {
                if (!process.HasExited)
                {
                    process.Kill();
                }
            }
        }
    }

    private sealed class ToolFactAttribute : FactAttribute
    {
        public ToolFactAttribute(string tool) => Skip = Tools.WhyNot(tool);
    }

    private sealed class ToolTheoryAttribute : TheoryAttribute
    {
        public ToolTheoryAttribute(string tool) => Skip = Tools.WhyNot(tool);
    }
}
