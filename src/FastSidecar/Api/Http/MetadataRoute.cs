using System.Text;
using System.Text.Json;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Transport.Buffers;

namespace FastSidecar.Api.Http;

/// <summary>
/// <c>/v1.0/metadata</c>: what the sidecar says about itself, byte for byte as Go's encoding/json writes it (dapr pkg/api/http/metadata.go
/// v1.18.3).
/// </summary>
internal sealed class MetadataRoute(RuntimeMetadata metadata, long maxBodyBytes)
{
    public async ValueTask GetAsync(HttpExchange exchange)
    {
        // Dapr parses a body if there is one, and uses nothing of it.
        var body = await WholeBody.ReadAsync(exchange, maxBodyBytes);
        if (body is null)
        {
            await WholeBody.WriteTooLargeAsync(exchange);
            return;
        }

        if (body.Length > 0 && JsonError(body) is { } error)
        {
            await HttpErrorWriter.WriteJsonAsync(exchange, 400, "ERR_MALFORMED_REQUEST", "failed deserializing HTTP body: " + error);
            return;
        }

        using var json = new PooledBufferWriter();
        Write(json);
        await HttpErrorWriter.WriteAsync(exchange, 200, HttpErrorWriter.JsonContentType, json.WrittenMemory);
    }

    public async ValueTask PutAsync(HttpExchange exchange, string key)
    {
        var body = await WholeBody.ReadAsync(exchange, maxBodyBytes);
        if (body is null)
        {
            await WholeBody.WriteTooLargeAsync(exchange);
            return;
        }

        metadata.Set(key, body);
        await HttpErrorWriter.WriteEmptyAsync(exchange, 204);
    }

    private static string? JsonError(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            return document.RootElement.ValueKind is JsonValueKind.Object ? null : $"proto: syntax error (line 1:1): unexpected token {Encoding.UTF8.GetString(body)}";
        }
        catch (JsonException e)
        {
            return $"proto: syntax error (line {e.LineNumber + 1}:{e.BytePositionInLine + 1}): invalid value";
        }
    }

    private void Write(PooledBufferWriter json)
    {
        json.Write("{\"id\":"u8);
        GoJson.WriteString(json, metadata.AppId);
        json.Write(",\"runtimeVersion\":"u8);
        GoJson.WriteString(json, metadata.RuntimeVersion);
        json.Write(",\"enabledFeatures\":["u8);
        for (var i = 0; i < metadata.EnabledFeatures.Count; i++)
        {
            json.Write(i == 0 ? ""u8 : ","u8);
            GoJson.WriteString(json, metadata.EnabledFeatures[i]);
        }

        json.Write("],\"extended\":{"u8);
        var separator = ""u8;
        foreach (var (key, value) in metadata.Extended())
        {
            json.Write(separator);
            GoJson.WriteString(json, key);
            json.Write(":"u8);
            GoJson.WriteString(json, value);
            separator = ","u8;
        }

        json.Write("},\"appConnectionProperties\":{"u8);
        WriteApp(json, metadata.App);
        json.Write(metadata.IsInitialized
            ? "},\"actorRuntime\":{\"runtimeStatus\":\"DISABLED\",\"hostReady\":false,\"placement\":\"placement: disconnected\"}}\n"u8
            : "},\"actorRuntime\":{\"runtimeStatus\":\"INITIALIZING\",\"hostReady\":false}}\n"u8);
    }

    private static void WriteApp(PooledBufferWriter json, AppConnectionProperties app)
    {
        if (app.Port > 0)
        {
            json.Write("\"port\":"u8);
            WriteNumber(json, app.Port);
            json.Write(","u8);
        }

        json.Write("\"protocol\":"u8);
        GoJson.WriteString(json, app.Protocol);
        json.Write(",\"channelAddress\":"u8);
        GoJson.WriteString(json, app.ChannelAddress);
        if (app.MaxConcurrency > 0)
        {
            json.Write(",\"maxConcurrency\":"u8);
            WriteNumber(json, app.MaxConcurrency);
        }

        if (app.Health is not { } health)
        {
            return;
        }

        json.Write(",\"health\":{"u8);
        if (health.CheckPath is { } path)
        {
            json.Write("\"healthCheckPath\":"u8);
            GoJson.WriteString(json, path);
            json.Write(","u8);
        }

        json.Write("\"healthProbeInterval\":"u8);
        GoJson.WriteString(json, health.ProbeInterval);
        json.Write(",\"healthProbeTimeout\":"u8);
        GoJson.WriteString(json, health.ProbeTimeout);
        json.Write(",\"healthThreshold\":"u8);
        WriteNumber(json, health.Threshold);
        json.Write("}"u8);
    }

    private static void WriteNumber(PooledBufferWriter json, int number)
    {
        var span = json.GetSpan(11);
        System.Buffers.Text.Utf8Formatter.TryFormat(number, span, out var written);
        json.Advance(written);
    }
}
