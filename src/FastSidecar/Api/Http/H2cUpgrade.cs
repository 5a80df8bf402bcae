using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Transport.Http2;
using Microsoft.AspNetCore.Connections;

namespace FastSidecar.Api.Http;

/// <summary>Answers a first request that asks for HTTP/2 (RFC 7540 §3.2), as Go's h2c handler does (golang.org/x/net/http2/h2c).</summary>
internal static class H2cUpgrade
{
    private static ReadOnlySpan<byte> SwitchingProtocols => "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"u8;

    private static ReadOnlySpan<byte> Continue => "HTTP/1.1 100 Continue\r\n\r\n"u8;

    private static ReadOnlySpan<byte> BadSettings => "HTTP/1.1 500 Internal Server Error\r\nDate: "u8;

    private static ReadOnlySpan<byte> NoContent => "\r\nContent-Length: 0\r\n\r\n"u8;

    /// <summary>
    /// Reads the rest of the request and sends the 101; the connection then has the request as its <see cref="UpgradedRequest"/>. Settings
    /// that cannot be read are a 500, and the connection stays HTTP/1.1. One that ends, fails or is stopped before the request is whole is
    /// cut off: the head has been read, and what came of the body must not be taken for a request of its own.
    /// </summary>
    public static async ValueTask<ProtocolSniffer.Opening> AcceptAsync(ConnectionContext connection, H2cUpgradeHead head, TimeProvider time)
    {
        try
        {
            if (await ReadBodyAsync(connection.Transport, head) is not { } body)
            {
                return ProtocolSniffer.Opening.CutOff;
            }

            var output = connection.Transport.Output;
            if (!head.TryDecodeSettings(out var settings))
            {
                WriteBadSettings(output, new HttpDate(time));
                await output.FlushAsync(CancellationToken.None);
                return ProtocolSniffer.Opening.Http1;
            }

            output.Write(SwitchingProtocols);
            await output.FlushAsync(CancellationToken.None);
            connection.Features.Set(new UpgradedRequest(head.Fields, body, settings));
            return ProtocolSniffer.Opening.Http2;
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionAbortedException)
        {
            // The connection is gone, or one direction of it: there may still be unread bytes, but nobody to answer.
            return ProtocolSniffer.Opening.CutOff;
        }
    }

    private static void WriteBadSettings(PipeWriter output, HttpDate date)
    {
        output.Write(BadSettings);
        output.Write(date.Now());
        output.Write(NoContent);
    }

    /// <summary>The client sends frames only behind the whole body. Null when it does not come.</summary>
    private static async ValueTask<byte[]?> ReadBodyAsync(IDuplexPipe transport, H2cUpgradeHead head)
    {
        if (head.BodyBytes == 0)
        {
            return [];
        }

        var asked = !head.ExpectsContinue;
        while (true)
        {
            if (!transport.Input.TryRead(out var result))
            {
                // Before the wait: the client may send no byte until it is asked.
                if (!asked)
                {
                    asked = true;
                    transport.Output.Write(Continue);
                    await transport.Output.FlushAsync(CancellationToken.None);
                }

                result = await transport.Input.ReadAsync(CancellationToken.None);
            }

            if (result.Buffer.Length >= head.BodyBytes)
            {
                var body = result.Buffer.Slice(0, head.BodyBytes);
                var bytes = body.ToArray();
                transport.Input.AdvanceTo(body.End);
                return bytes;
            }

            transport.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
            if (result.IsCompleted || result.IsCanceled)
            {
                return null;
            }
        }
    }
}
