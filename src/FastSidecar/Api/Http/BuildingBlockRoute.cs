using FastSidecar.Transport.Buffers;

namespace FastSidecar.Api.Http;

/// <summary>Answers for Dapr's other building blocks, none of which is ever configured here.</summary>
internal sealed class BuildingBlockRoute(string appId, string appNamespace, long maxBodyBytes)
{
    public async ValueTask HandleAsync(HttpExchange exchange, RouteMatch match)
    {
        var answer = match.Route!.Answer!;
        if (answer.Body != BlockBody.Ignored)
        {
            var body = await WholeBody.ReadAsync(exchange, maxBodyBytes);
            if (body is null)
            {
                await WholeBody.WriteTooLargeAsync(exchange);
                return;
            }

            answer = BuildingBlockBody.Decide(answer, body);
        }

        using var json = new PooledBufferWriter();
        answer.Write(json, match.Parameter, appId, appNamespace);
        await HttpErrorWriter.WriteAsync(exchange, answer.Status, HttpErrorWriter.JsonContentType, json.WrittenMemory);
    }
}
