using System.Net;
using FastSidecar.Stock;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

// What you would write yourself: Kestrel in front, HttpClient behind, everything as it comes.
//   stock PORT front|back http://127.0.0.1:NEXT     one of the two proxies; HTTP/2 between them
//   stock PORT bare                                 Kestrel alone, answering /v1.0/healthz: what a start costs at least
if (args is not ([_, "bare"] or [_, "front" or "back", _]) || !int.TryParse(args[0], out var port))
{
    Console.Error.WriteLine("stock PORT front|back URL, or stock PORT bare");
    return 2;
}

var role = args[1];
var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
{
    kestrel.Limits.MaxRequestBodySize = null;
    kestrel.Listen(IPAddress.Loopback, port, listen => listen.Protocols = role == "back" ? HttpProtocols.Http2 : HttpProtocols.Http1);
});
var app = builder.Build();

// Not through routing, which this does not need.
var forward = role == "bare" ? null : new Forwarder(new Uri(args[2]), role == "front" ? HttpVersion.Version20 : HttpVersion.Version11);
app.Run(context => context.Request.Path.Value switch
{
    "/v1.0/healthz" => NoContent(context),
    "/metrics" => context.Response.WriteAsync($"go_memstats_alloc_bytes_total {GC.GetTotalAllocatedBytes(precise: true)}\n"),
    _ => forward is null ? NoContent(context) : forward.ForwardAsync(context),
});
app.Run();
return 0;

static Task NoContent(HttpContext context)
{
    context.Response.StatusCode = StatusCodes.Status204NoContent;
    return Task.CompletedTask;
}
