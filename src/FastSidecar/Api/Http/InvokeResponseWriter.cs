using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Protocol.Peer;
using FastSidecar.Transport.Async;
using FastSidecar.Transport.Buffers;

namespace FastSidecar.Api.Http;

/// <summary>Writes a response to the client: the only place that does, and only after the last attempt.</summary>
internal static class InvokeResponseWriter
{
    /// <summary>
    /// Error answers to requests of known length are held back up to this size to be sent with a Content-Length, as Dapr does with all of
    /// them; longer ones stream.
    /// </summary>
    private const int BufferedErrorBytes = 64 * 1024;

    /// <summary>A body that never runs dry is flushed after so much, so that a slow client slows the app.</summary>
    private const int FlushFrom = 64 * 1024;

    /// <summary>
    /// What may follow an answer that has no body is read up to this size, so that the call behind it ends as its other side ended it.
    /// </summary>
    private const int MostDrainedBytes = 64 * 1024;

    /// <summary>
    /// How long that end is waited for. The client has its answer by then; only its next request on the connection waits.
    /// </summary>
    private static readonly TimeSpan DrainPatience = TimeSpan.FromSeconds(1);

    /// <param name="exchange">Whose answer it is.</param>
    /// <param name="response">Read, not disposed.</param>
    /// <param name="time">Bounds the wait for the end of a call whose body nobody gets.</param>
    public static ValueTask WriteAsync(HttpExchange exchange, InvokeResponse response, TimeProvider time)
    {
        var status = response.IsGrpcStatus ? GrpcHttpStatus.Of(response.Status) : response.Status;
        var known = exchange.RequestLength is not null;
        TraceHeaders.AddToClient(exchange.TraceFields, response.Headers, exchange.IsTraced, exchange.ResponseHeaders);
        HeaderRules.MetadataToClient(response.Headers, response.ContentType, exchange.ResponseHeaders);

        if (response is { IsGrpcStatus: true, Status: not 0 })
        {
            return WriteGrpcStatusAsync(exchange, response, status, time);
        }

        if (status is 204 or 205 or 304)
        {
            AddEventStream(exchange, response, status);
            exchange.Start(status, status == 205 ? 0 : null);
            return DrainAsync(exchange, response.Body, time);
        }

        if (status is >= 200 and <= 399)
        {
            AddEventStream(exchange, response, status);
            return CopyAsync(exchange, response, status);
        }

        return known ? BufferAsync(exchange, response, status) : CopyAsync(exchange, response, status);
    }

    /// <summary>
    /// What Dapr's caller says of every remote event stream, whatever the app said (dapr pkg/api/http/directmessaging.go v1.18.3).
    /// </summary>
    private static void AddEventStream(HttpExchange exchange, InvokeResponse response, int status)
    {
        if (!exchange.Invoke.EventStream || !response.IsRemote || status > 299)
        {
            return;
        }

        exchange.ResponseHeaders.Set(HeaderNames.ContentType, MediaTypes.EventStream);
        exchange.ResponseHeaders.Set("Cache-Control"u8, "no-cache"u8);
        if (exchange.IsHttp11 && !WantsClose(exchange))
        {
            exchange.ResponseHeaders.Set("Connection"u8, "keep-alive"u8);
        }
    }

    private static bool WantsClose(HttpExchange exchange) => new ConnectionTokens(exchange.RequestHeaders).Contains("close"u8);

    private static ValueTask CopyAsync(HttpExchange exchange, InvokeResponse response, int status)
    {
        // A local event stream is the app's answer as it stands, its length included; any other status takes the ordinary way.
        var length = exchange.Invoke.EventStream && status <= 299 ? response.Length : null;
        exchange.Start(status, length);
        return StreamAsync(exchange, response.Body, isChunked: length is null && !exchange.IsHttp10);
    }

    /// <summary>A gRPC app's failure: its status takes the body's place.</summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask WriteGrpcStatusAsync(HttpExchange exchange, InvokeResponse response, int status, TimeProvider time)
    {
        using var json = new PooledBufferWriter();
        if (GrpcStatusJson.Write(json, response.Status, Encoding.UTF8.GetBytes(response.StatusMessage), response.StatusDetails) is { } problem)
        {
            using var error = new PooledBufferWriter();
            ErrorJson.Write(error, "ERR_MALFORMED_RESPONSE", problem);
            exchange.ResponseHeaders.Set(HeaderNames.ContentType, HttpErrorWriter.JsonContentType.Span);
            await HttpErrorWriter.WriteFramedAsync(exchange, 500, error.WrittenMemory);
            return;
        }

        exchange.Start(status, null);
        Write(exchange.ResponseBody, json.WrittenSpan);
        exchange.CountBody(json.WrittenCount);
        await DrainAsync(exchange, response.Body, time);
    }

    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask BufferAsync(HttpExchange exchange, InvokeResponse response, int status)
    {
        var body = response.Body;
        using var kept = new PooledBufferWriter();
        var ended = false;
        while (!ended && kept.WrittenCount <= BufferedErrorBytes)
        {
            var read = await body.ReadAsync(exchange.Aborted);
            foreach (var piece in read.Buffer)
            {
                kept.Write(piece.Span);
            }

            body.AdvanceTo(read.Buffer.End);
            ended = read.IsCompleted;
        }

        if (!exchange.ResponseHeaders.Contains(HeaderNames.ContentType))
        {
            exchange.ResponseHeaders.Add(HeaderNames.ContentType, HttpErrorWriter.JsonContentType.Span);
        }

        // By size alone, so that the framing does not depend on how the bytes happened to arrive.
        if (kept.WrittenCount <= BufferedErrorBytes)
        {
            await HttpErrorWriter.WriteFramedAsync(exchange, status, kept.WrittenMemory);
            return;
        }

        exchange.Start(status, null);
        Write(exchange.ResponseBody, kept.WrittenSpan);
        exchange.CountBody(kept.WrittenCount);
        if (!ended)
        {
            await StreamAsync(exchange, body, isChunked: !exchange.IsHttp10);
        }
    }

    /// <summary>Passes the body on as it comes. Whenever it runs dry, what came so far leaves, the head first of all.</summary>
    /// <param name="exchange">The head is set.</param>
    /// <param name="body">The app's, to its end.</param>
    /// <param name="isChunked">Not so with a length, and for an HTTP/1.0 client.</param>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask StreamAsync(HttpExchange exchange, PipeReader body, bool isChunked)
    {
        while (true)
        {
            if (!TryRead(body, out var read, out var broken))
            {
                if ((await exchange.ResponseBody.FlushAsync(exchange.Aborted)).IsCompleted)
                {
                    return;
                }

                read = await body.ReadAsync(exchange.Aborted);
            }

            if (broken is not null)
            {
                // What came before the fault is the client's; the cut comes after it.
                await exchange.ResponseBody.FlushAsync(exchange.Aborted);
                throw broken;
            }

            foreach (var piece in read.Buffer)
            {
                Write(exchange.ResponseBody, piece.Span);
            }

            exchange.CountBody(read.Buffer.Length);
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                // Kestrel sends what is left at the end only with the head or with the last chunk, and the head may be gone.
                if (!isChunked)
                {
                    await exchange.ResponseBody.FlushAsync(exchange.Aborted);
                }

                return;
            }

            if (exchange.ResponseBody.UnflushedBytes > FlushFrom && (await exchange.ResponseBody.FlushAsync(exchange.Aborted)).IsCompleted)
            {
                return;
            }
        }
    }

    /// <summary>
    /// Reads what is left of a body that has no place in the answer, within bounds: a call that is read to its end (another sidecar's
    /// trailers) ends cleanly there instead of being cancelled, and its connection stays in use. The answer is whole; however this ends,
    /// it stays so.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder))]
    private static async ValueTask DrainAsync(HttpExchange exchange, PipeReader body, TimeProvider time)
    {
        var drainedBytes = 0L;
        while (drainedBytes <= MostDrainedBytes)
        {
            if (!TryRead(body, out var read, out var broken))
            {
                await DrainAwaitedAsync(exchange, body, MostDrainedBytes - drainedBytes, time);
                return;
            }

            if (broken is not null)
            {
                return;
            }

            drainedBytes += read.Buffer.Length;
            body.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private static async ValueTask DrainAwaitedAsync(HttpExchange exchange, PipeReader body, long mostBytes, TimeProvider time)
    {
        if ((await exchange.ResponseBody.FlushAsync(exchange.Aborted)).IsCompleted)
        {
            return;
        }

        using var patience = new CancellationTokenSource(DrainPatience, time);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, exchange.Aborted);
        try
        {
            var isCompleted = false;
            while (!isCompleted && mostBytes >= 0)
            {
                var read = await body.ReadAsync(ended.Token);
                mostBytes -= read.Buffer.Length;
                isCompleted = read.IsCompleted;
                body.AdvanceTo(read.Buffer.End);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or PeerMessageException)
        {
            // The other side broke off, or took too long: nobody but it has lost anything by that.
        }
    }

    /// <summary>
    /// As BuffersExtensions.Write, but asks for room: before the response has started Kestrel on .NET 10 gives none to those who do not.
    /// </summary>
    private static void Write(PipeWriter output, ReadOnlySpan<byte> data)
    {
        while (!data.IsEmpty)
        {
            var room = output.GetSpan(1);
            var count = Math.Min(room.Length, data.Length);
            data[..count].CopyTo(room);
            output.Advance(count);
            data = data[count..];
        }
    }

    /// <summary>True when there is something to act on now: data, the end, or a fault.</summary>
    private static bool TryRead(PipeReader body, out ReadResult read, out Exception? fault)
    {
        fault = null;
        try
        {
            return body.TryRead(out read);
        }
        catch (Exception e) when (e is IOException or PeerMessageException)
        {
            read = default;
            fault = e;
            return true;
        }
    }
}
