using FastSidecar.Integration.Shared;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Integration.BadInput;

/// <summary>A proper gRPC app on Kestrel, of no service: every method sends the messages back as they come and ends well; <c>/x.X/Hang</c> never answers.</summary>
internal sealed class GrpcEchoApp : IAsyncDisposable
{
    private readonly WebApplication _app;
    private int _hanging;

    private GrpcEchoApp(WebApplication app, int port)
    {
        _app = app;
        Port = port;
    }

    public int Port { get; }

    /// <summary>Calls that hang now.</summary>
    public int Hanging => Volatile.Read(ref _hanging);

    public static async Task<GrpcEchoApp> StartAsync()
    {
        var port = FreePorts.Next();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.ListenLocalhost(port, static listen => listen.Protocols = HttpProtocols.Http2);
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
        });
        var echo = new GrpcEchoApp(builder.Build(), port);
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
        try
        {
            context.Response.ContentType = "application/grpc";
            if (context.Request.Path.Value!.EndsWith("/Hang", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref _hanging);
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
                Interlocked.Decrement(ref _hanging);
                return;
            }

            await context.Request.BodyReader.CopyToAsync(context.Response.BodyWriter, context.RequestAborted);
            context.Response.AppendTrailer("grpc-status", "0");
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            context.Abort();
        }
    }
}
