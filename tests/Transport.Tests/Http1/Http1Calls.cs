using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>Whole calls in one line.</summary>
internal static class Http1Calls
{
    public static Http1Client ClientFor(RawServer server, Http1ClientOptions? options = null, TimeProvider? time = null) =>
        new(server.EndPoint, options ?? new Http1ClientOptions(), time ?? TimeProvider.System);

    public static HeaderList Fields(params string[] lines)
    {
        var headers = new HeaderList();
        headers.Add("Host"u8, "app"u8);
        foreach (var line in lines)
        {
            var colon = line.IndexOf(':');
            headers.Add(Encoding.Latin1.GetBytes(line[..colon]), Encoding.Latin1.GetBytes(line[(colon + 1)..].Trim(' ')));
        }

        return headers;
    }

    public static async Task<Http1Exchange> OpenAsync(this Http1Client client) =>
        await client.OpenAsync(CancellationToken.None).AsTask().Within("open");

    public static async Task<Http1Exchange> StartAsync(this Http1Client client, string method = "GET", string target = "/x")
    {
        var exchange = await client.OpenAsync();
        exchange.WriteHead(Encoding.Latin1.GetBytes(method), Encoding.Latin1.GetBytes(target), Fields(), Http1BodyFraming.None, 0);
        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        return exchange;
    }

    public static async Task<Answer> CallAsync(this Http1Client client, string method = "GET", string target = "/x", string? body = null, bool chunked = false)
    {
        using var exchange = await client.OpenAsync();
        var framing = body is null ? Http1BodyFraming.None : chunked ? Http1BodyFraming.Chunked : Http1BodyFraming.Length;
        exchange.WriteHead(Encoding.Latin1.GetBytes(method), Encoding.Latin1.GetBytes(target), Fields(), framing, chunked ? 0 : body?.Length ?? 0);
        if (body is not null)
        {
            exchange.Output.Write(Encoding.Latin1.GetBytes(body));
        }

        await exchange.EndRequestAsync(CancellationToken.None).AsTask().Within("request");
        return await exchange.AnswerAsync();
    }

    public static async Task<Answer> AnswerAsync(this Http1Exchange exchange)
    {
        await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within("head");
        return new Answer(exchange.StatusCode, Lines(exchange.Headers), await exchange.Input.TextAsync(), exchange.ResponseLength);
    }

    public static async Task<string> TextAsync(this PipeReader input)
    {
        var text = new StringBuilder();
        while (true)
        {
            var result = await input.ReadAsync().AsTask().Within("body");
            text.Append(Encoding.Latin1.GetString(result.Buffer));
            input.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                return text.ToString();
            }
        }
    }

    public static string[] Lines(HeaderList headers) =>
        [.. Enumerable.Range(0, headers.Count).Select(i => $"{Encoding.Latin1.GetString(headers.Name(i))}: {Encoding.Latin1.GetString(headers.Value(i))}")];
}

internal sealed record Answer(int Status, string[] Headers, string Body, long? Length);
