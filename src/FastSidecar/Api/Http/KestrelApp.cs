using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http.Features;

namespace FastSidecar.Api.Http;

/// <summary>What serves the exchanges of a server.</summary>
internal interface IHttpHandler
{
    /// <summary>Handles one exchange to its end. What is thrown goes to <see cref="TryEnd"/>.</summary>
    ValueTask HandleAsync(HttpExchange exchange);

    /// <summary>
    /// Ends an exchange whose handling ended with an exception; false leaves that to the server. Asked where the handler's end is seen
    /// anyway, so that no suspended call has to wait for it.
    /// </summary>
    bool TryEnd(HttpExchange exchange, Exception exception) => false;
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

        try
        {
            var handling = handler.HandleAsync(context);
            if (!handling.IsCompleted)
            {
                return context.EndOf(handling, handler);
            }

            // Gives the call back to its pool where it was suspended for a moment.
            handling.GetAwaiter().GetResult();
        }
        catch (Exception e)
        {
            if (!handler.TryEnd(context, e))
            {
                throw;
            }
        }

        return Task.CompletedTask;
    }

    public void DisposeContext(KestrelExchange context, Exception? exception) => context.Reset();
}
