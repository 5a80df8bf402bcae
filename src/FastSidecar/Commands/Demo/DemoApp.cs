using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using FastSidecar.Api.Http;
using FastSidecar.Invocation;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastSidecar.Commands.Demo;

/// <summary>What an app saw of a request.</summary>
/// <param name="App">The app that saw it.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Target">Path and query.</param>
/// <param name="Caller">The calling app as the sidecars say (<c>dapr-caller-app-id</c>); empty when nobody does.</param>
/// <param name="Body">The body as text.</param>
internal sealed record DemoSighting(string App, string Method, string Target, string Caller, string Body);

/// <summary>
/// A small HTTP app in this process. <c>POST /echo</c> gives the body back and is not told about; every other request is reported and answered with a line of text.
/// </summary>
internal sealed class DemoApp : IHttpHandler, IAsyncDisposable
{
    public const string EchoPath = "/echo";

    /// <summary>Asked for once by every sidecar (Dapr's app configuration); this app has none.</summary>
    private const string ConfigPath = "/dapr/config";

    private const int MaxBodyBytes = 1024 * 1024;

    private readonly HttpServer _server;
    private readonly ChannelWriter<DemoSighting> _sightings;

    public DemoApp(string id, ChannelWriter<DemoSighting> sightings)
    {
        Id = id;
        _sightings = sightings;
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        Port = ((IPEndPoint)socket.LocalEndPoint!).Port;
        _server = new HttpServer([socket], this, http2: null, NullLoggerFactory.Instance, TimeProvider.System);
    }

    public string Id { get; }

    public int Port { get; }

    public Task StartAsync(CancellationToken cancellationToken) => _server.StartAsync(cancellationToken);

    public async ValueTask DisposeAsync()
    {
        // Nobody calls any more: connections that are still open are idle ones.
        await _server.StopAsync(new CancellationToken(canceled: true));
        await _server.DisposeAsync();
    }

    public async ValueTask HandleAsync(HttpExchange exchange)
    {
        try
        {
            await (exchange.RawTarget switch
            {
                EchoPath when exchange.Method == "POST" => EchoAsync(exchange),
                ConfigPath => AnswerAsync(exchange, 404, "no configuration\n"),
                _ => ReportAsync(exchange),
            });
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidOperationException)
        {
            exchange.Abort();
        }
    }

    private static async ValueTask EchoAsync(HttpExchange exchange)
    {
        exchange.Start(200, exchange.RequestLength);
        var body = exchange.RequestBody;
        while (true)
        {
            var read = await body.ReadAsync(CancellationToken.None);
            foreach (var piece in read.Buffer)
            {
                await exchange.ResponseBody.WriteAsync(piece, CancellationToken.None);
            }

            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private async ValueTask ReportAsync(HttpExchange exchange)
    {
        var body = await WholeBody.ReadAsync(exchange, MaxBodyBytes);
        if (body is null)
        {
            await AnswerAsync(exchange, 413, $"more than {MaxBodyBytes} bytes\n");
            return;
        }

        exchange.RequestHeaders.TryGet(HeaderNames.CallerAppId, out var caller);
        _sightings.TryWrite(new DemoSighting(Id, exchange.Method, exchange.RawTarget, Encoding.UTF8.GetString(caller), Encoding.UTF8.GetString(body)));
        await AnswerAsync(exchange, 200, $"{Id} did {exchange.Method} {exchange.RawTarget}\n");
    }

    private static async ValueTask AnswerAsync(HttpExchange exchange, int status, string text)
    {
        var body = Encoding.UTF8.GetBytes(text);
        exchange.ResponseHeaders.Add("Content-Type"u8, "text/plain; charset=utf-8"u8);
        exchange.Start(status, body.Length);
        await exchange.ResponseBody.WriteAsync(body, CancellationToken.None);
    }
}
