using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http.Features;

namespace FastSidecar.Api.Http;

/// <summary>Handles one exchange to its end. Never throws: what goes wrong becomes a response or an aborted connection.</summary>
internal interface IHttpHandler
{
    ValueTask HandleAsync(HttpExchange exchange);
}

/// <summary>Kestrel's HTTP/1.1 connections without ASP.NET above them: an exchange object per connection, one handler for all.</summary>
internal sealed class KestrelApp(IHttpHandler handler) : IHttpApplication<KestrelExchange>
{
    public KestrelExchange CreateContext(IFeatureCollection contextFeatures)
    {
        KestrelExchange exchange;
        if (contextFeatures is IHostContextContainer<KestrelExchange> container)
        {
            exchange = container.HostContext ??= new KestrelExchange();
        }
        else
        {
            exchange = new KestrelExchange();
        }

        exchange.Begin(contextFeatures);
        return exchange;
    }

    public Task ProcessRequestAsync(KestrelExchange context)
    {
        if (context.IsTooLate)
        {
            context.Abort();
            return Task.CompletedTask;
        }

        var handling = handler.HandleAsync(context);
        if (!handling.IsCompletedSuccessfully)
        {
            return context.EndOf(handling);
        }

        // Gives the call back to its pool where it was suspended for a moment.
        handling.GetAwaiter().GetResult();
        return Task.CompletedTask;
    }

    public void DisposeContext(KestrelExchange context, Exception? exception) => context.Reset();
}
