using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Commands.Demo;

/// <summary>An answer in full.</summary>
internal readonly record struct DemoAnswer(int Status, string Body);

/// <summary>
/// A client of one port of this machine, on one connection; one request at a time. Without an answer there is an IOException or SocketException, or, when it takes too long, a
/// <see cref="DemoException"/>.
/// </summary>
internal sealed class DemoClient : IAsyncDisposable
{
    /// <summary>The first call through a sidecar waits for name resolution as well, which may take mDNS a second or two.</summary>
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(5);

    private readonly TimeProvider _time;
    private readonly Http1Client _client;
    private readonly HeaderList _headers = new();
    private readonly byte[] _host;

    public DemoClient(int port, TimeProvider time)
    {
        _time = time;
        _host = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"));
        var options = new Http1ClientOptions { MaxConnections = 1, MaxIdleConnections = 1, MaxResponseHeadBytes = 16 * 1024 };
        _client = new Http1Client(new IPEndPoint(IPAddress.Loopback, port), options, time);
    }

    /// <summary>Sends a request, with one more header field when <paramref name="headerName"/> is not empty.</summary>
    public async Task<DemoAnswer> SendAsync(
        string method, string target, string headerName, string headerValue, ReadOnlyMemory<byte> body, CancellationToken interrupted)
    {
        using var limit = new CancellationTokenSource(AnswerLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, interrupted);
        try
        {
            using var exchange = await OpenAsync(method, target, headerName, headerValue, body, either.Token);
            return new DemoAnswer(exchange.StatusCode, await ReadTextAsync(exchange.Input, either.Token));
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested)
        {
            throw new DemoException($"{method} http://{Encoding.ASCII.GetString(_host)}{target} was not answered within {AnswerLimit.TotalSeconds} s");
        }
    }

    public Task<DemoAnswer> GetAsync(string target, CancellationToken interrupted) =>
        SendAsync("GET", target, "", "", ReadOnlyMemory<byte>.Empty, interrupted);

    /// <summary>Posts <paramref name="body"/> to an echo and checks that as many bytes come back with 200; for measuring, without a limit of its own.</summary>
    public async Task EchoAsync(string target, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        using var exchange = await OpenAsync("POST", target, "", "", body, cancellationToken);
        var length = 0L;
        while (true)
        {
            var read = await exchange.Input.ReadAsync(cancellationToken);
            length += read.Buffer.Length;
            exchange.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        if (exchange.StatusCode != 200 || length != body.Length)
        {
            throw new DemoException($"POST {target}: status {exchange.StatusCode} with {length} bytes came back for {body.Length} bytes sent");
        }
    }

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    /// <summary>Sends the request and waits for the head of its answer. The caller disposes the exchange.</summary>
    private async ValueTask<Http1Exchange> OpenAsync(
        string method, string target, string headerName, string headerValue, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        _headers.Clear();
        _headers.Add("Host"u8, _host);
        if (headerName.Length > 0)
        {
            _headers.Add(Encoding.ASCII.GetBytes(headerName), Encoding.ASCII.GetBytes(headerValue));
        }

        var exchange = await _client.OpenAsync(cancellationToken);
        try
        {
            var framing = body.IsEmpty ? Http1BodyFraming.None : Http1BodyFraming.Length;
            exchange.WriteHead(Encoding.ASCII.GetBytes(method), Encoding.ASCII.GetBytes(target), _headers, framing, body.Length);
            exchange.Output.Write(body.Span);
            await exchange.EndRequestAsync(cancellationToken);
            await exchange.ReadHeadAsync(cancellationToken);
            return exchange;
        }
        catch
        {
            exchange.Dispose();
            throw;
        }
    }

    private static async Task<string> ReadTextAsync(PipeReader body, CancellationToken cancellationToken)
    {
        var text = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await body.ReadAsync(cancellationToken);
            foreach (var piece in read.Buffer)
            {
                text.Write(piece.Span);
            }

            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return Encoding.UTF8.GetString(text.WrittenSpan);
            }
        }
    }
}
