using System.Diagnostics;
using System.Net;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>The servers apps are written with: each echoes the request's body, chunked or with a length.</summary>
public sealed class Http1PeerTests
{
    private const string Python = """
        import http.server, sys
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def body(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    data = b""
                    while True:
                        size = int(self.rfile.readline(), 16)
                        data += self.rfile.read(size)
                        self.rfile.readline()
                        if size == 0:
                            return data
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            def do_POST(self):
                data = self.body()
                self.send_response(200)
                if self.path == "/chunked":
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for at in range(0, len(data), 7000):
                        piece = data[at:at + 7000]
                        self.wfile.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
                    self.wfile.write(b"0\r\n\r\n")
                else:
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
            do_GET = do_POST
            do_HEAD = do_POST
            def log_message(self, *args): pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """;

    private const string Node = """
        const http = require('http');
        const server = http.createServer((request, response) => {
          if (request.url === '/chunked') { request.pipe(response); return; }
          const parts = [];
          request.on('data', part => parts.push(part));
          request.on('end', () => {
            const body = Buffer.concat(parts);
            response.setHeader('Content-Length', body.length);
            response.end(body);
          });
        });
        server.on('checkContinue', (request, response) => { response.writeContinue(); server.emit('request', request, response); });
        server.listen(0, '127.0.0.1', () => console.log(server.address().port));
        """;

    [NeedsProgram("python3")]
    public async Task PythonHttpServer_EchoesAndKeepsTheConnection() => await RunAsync("python3", "-c", Python);

    [NeedsProgram("node")]
    public async Task NodeHttpServer_EchoesAndKeepsTheConnection() => await RunAsync("node", "-e", Node);

    [Fact]
    public async Task Kestrel_EchoesAndKeepsTheConnection()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(o => o.Listen(IPAddress.Loopback, 0));
        await using var app = builder.Build();
        app.Run(async context =>
        {
            if (context.Request.Path != "/chunked")
            {
                context.Response.ContentLength = context.Request.ContentLength ?? (context.Request.Path == "/none" ? 0 : null);
            }

            await context.Request.Body.CopyToAsync(context.Response.Body);
        });
        await app.StartAsync().Within("Kestrel starts");
        await EchoesAsync(new Uri(app.Urls.First()).Port);
        await app.StopAsync().Within("Kestrel stops");
    }

    private static async Task RunAsync(string program, string option, string script)
    {
        using var process = Process.Start(new ProcessStartInfo(program, [option, script]) { RedirectStandardOutput = true })!;
        try
        {
            await EchoesAsync(int.Parse((await process.StandardOutput.ReadLineAsync().Within("port"))!));
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync().Within("server ends");
        }
    }

    private static async Task EchoesAsync(int port)
    {
        await using var client = new Http1Client(new IPEndPoint(IPAddress.Loopback, port), new Http1ClientOptions(), TimeProvider.System);
        EndPoint? address = null;
        foreach (var size in new[] { 1, 5, 4000, 5000, 70_000, 1_000_000 })
        {
            foreach (var target in new[] { "/length", "/chunked" })
            {
                foreach (var chunked in new[] { false, true })
                {
                    var body = new string((char)('a' + (size % 26)), size);
                    using var exchange = await client.OpenAsync();
                    address ??= exchange.LocalEndPoint;
                    Assert.Equal(address, exchange.LocalEndPoint);
                    exchange.WriteHead("POST"u8, Encoding.ASCII.GetBytes(target), Fields(), chunked ? Http1BodyFraming.Chunked : Http1BodyFraming.Length, chunked ? 0 : size);
                    var sending = Task.Run(async () =>
                    {
                        await exchange.Output.WriteAsync(Encoding.ASCII.GetBytes(body));
                        await exchange.EndRequestAsync(CancellationToken.None);
                    });
                    var answer = await exchange.AnswerAsync();
                    await sending.Within("request");
                    Assert.Equal(200, answer.Status);
                    Assert.Equal(body, answer.Body);
                }
            }
        }

        Assert.Equal("", (await client.CallAsync("GET", "/none")).Body);
        Assert.Equal("", (await client.CallAsync("HEAD", "/none")).Body);
        Assert.Equal(1, client.IdleConnections);
    }

    /// <summary>Counted as skipped, and said so, where the program is not installed.</summary>
    private sealed class NeedsProgramAttribute : FactAttribute
    {
        public NeedsProgramAttribute(string program)
        {
            var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
            if (!folders.Any(folder => File.Exists(Path.Combine(folder, program))))
            {
                Skip = $"{program} is not installed";
                Console.Error.WriteLine($"SKIPPED: {program} is not installed, so the HTTP/1.1 client is not tried against it");
            }
        }
    }
}
