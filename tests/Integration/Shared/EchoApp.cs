using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Integration.Shared;

/// <summary>
/// A proper app, on Kestrel. <c>/echo</c> sends the body back and names method, target and caller in headers; <c>/count</c> tells the length of the body;
/// <c>/produce?bytes=N</c> streams so much; <c>/endless</c> never stops; <c>/status?code=N</c> answers with that status; everything else is 404.
/// </summary>
internal sealed class EchoApp : IAsyncDisposable
{
    private const int PieceBytes = 64 * 1024;

    private readonly WebApplication _app;

    private int _completed;
    private long _produced;

    private EchoApp(WebApplication app, int port)
    {
        _app = app;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Method and target of every request, in the order they came.</summary>
    public ConcurrentQueue<string> Seen { get; } = new();

    /// <summary>Requests whose body came to a proper end.</summary>
    public int Completed => _completed;

    /// <summary>Bytes of <c>/produce</c> and <c>/endless</c> that left this app.</summary>
    public long Produced => Interlocked.Read(ref _produced);

    public static async Task<EchoApp> StartAsync(int port = 0)
    {
        port = port == 0 ? FreePorts.Next() : port;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenLocalhost(port);
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        var echo = new EchoApp(builder.Build(), port);
        echo._app.Run(echo.HandleAsync);
        await echo._app.StartAsync();
        return echo;
    }

    public async ValueTask DisposeAsync()
    {
        using var impatience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _app.StopAsync(impatience.Token);
        await _app.DisposeAsync();
    }

    private async Task HandleAsync(HttpContext context)
    {
        Seen.Enqueue($"{context.Request.Method} {context.Request.GetEncodedPathAndQuery()}");
        try
        {
            await (context.Request.Path.Value switch
            {
                "/echo" => EchoAsync(context),
                "/count" => CountAsync(context),
                "/produce" => ProduceAsync(context, long.Parse(context.Request.Query["bytes"]!, CultureInfo.InvariantCulture)),
                "/endless" => ProduceAsync(context, long.MaxValue),
                "/status" => StatusAsync(context, int.Parse(context.Request.Query["code"]!, CultureInfo.InvariantCulture)),
                _ => StatusAsync(context, StatusCodes.Status404NotFound),
            });
            Interlocked.Increment(ref _completed);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or BadHttpRequestException)
        {
            // The sidecar broke the call off: what is left of the answer has nobody to go to.
            context.Abort();
        }
    }

    private static async Task EchoAsync(HttpContext context)
    {
        var response = context.Response;
        response.ContentType = context.Request.ContentType;
        response.ContentLength = context.Request.ContentLength;
        response.Headers["x-method"] = context.Request.Method;
        response.Headers["x-target"] = context.Request.GetEncodedPathAndQuery();
        response.Headers["x-caller"] = context.Request.Headers["dapr-caller-app-id"];
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        await context.Request.BodyReader.CopyToAsync(response.BodyWriter, context.RequestAborted);
    }

    private static async Task CountAsync(HttpContext context)
    {
        var count = 0L;
        while (true)
        {
            var read = await context.Request.BodyReader.ReadAsync(context.RequestAborted);
            count += read.Buffer.Length;
            context.Request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                await context.Response.WriteAsync(count.ToString(CultureInfo.InvariantCulture), context.RequestAborted);
                return;
            }
        }
    }

    private async Task ProduceAsync(HttpContext context, long bytes)
    {
        var piece = new byte[PieceBytes];
        while (bytes > 0)
        {
            var count = (int)Math.Min(bytes, piece.Length);
            await context.Response.BodyWriter.WriteAsync(piece.AsMemory(0, count), context.RequestAborted);

            // Kestrel takes at once what is written to a connection that has gone, and tells of its end on another thread of the pool: without a pause an
            // endless answer would keep that from ever running.
            await Task.Yield();
            context.RequestAborted.ThrowIfCancellationRequested();
            bytes -= count;
            Interlocked.Add(ref _produced, count);
        }
    }

    private static Task StatusAsync(HttpContext context, int status)
    {
        context.Response.StatusCode = status;
        return Task.CompletedTask;
    }
}
