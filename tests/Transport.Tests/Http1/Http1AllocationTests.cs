using System.Buffers;
using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http1;
using FastSidecar.Transport.Tests.Sockets;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

[Collection(AllocationMeasurements.Name)]
public sealed class Http1AllocationTests
{
    private const int Requests = 2000;

    [Theory]
    [InlineData(Http1BodyFraming.None, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData(Http1BodyFraming.Length, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")]
    [InlineData(Http1BodyFraming.Chunked, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n")]
    public async Task SteadyRequests_AllocateNothing(Http1BodyFraming framing, string response)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var server = Task.Factory.StartNew(() => Serve(listener, Encoding.ASCII.GetBytes(response), framing), TaskCreationOptions.LongRunning);
        var client = new Http1Client(listener.LocalEndPoint!, new Http1ClientOptions(), TimeProvider.System);
        var headers = Fields("Content-Type: text/plain", "X-Test: 1");
        await Task.Run(() => CallAsync(client, headers, framing, 500)).Within("warm-up");
        var best = await AllocationMeasurements.BestOfAsync(Requests, async () =>
            Assert.Equal(5L * Requests, await Task.Run(() => CallAsync(client, headers, framing, Requests)).Within("requests")));
        Assert.Equal(1, client.IdleConnections);
        await client.DisposeAsync();
        await server.Within("server end");
        Assert.True(best < AllocationMeasurements.Nothing(perAsyncCall: 1), $"{best:F1} bytes per request");
    }

    private static async Task<long> CallAsync(Http1Client client, HeaderList headers, Http1BodyFraming framing, int requests)
    {
        var read = 0L;
        for (var i = 0; i < requests; i++)
        {
            var exchange = await client.OpenAsync(CancellationToken.None);
            exchange.WriteHead("POST"u8, "/orders"u8, headers, framing, 4);
            if (framing != Http1BodyFraming.None)
            {
                exchange.Output.Write("body"u8);
            }

            await exchange.EndRequestAsync(CancellationToken.None);
            await exchange.ReadHeadAsync(CancellationToken.None);
            while (true)
            {
                var result = await exchange.Input.ReadAsync();
                read += result.Buffer.Length;
                exchange.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    break;
                }
            }

            exchange.Dispose();
        }

        return read;
    }

    private static void Serve(Socket listener, byte[] response, Http1BodyFraming framing)
    {
        ReadOnlySpan<byte> end = framing switch
        {
            Http1BodyFraming.None => "\r\n\r\n"u8,
            Http1BodyFraming.Length => "\r\n\r\nbody"u8,
            _ => "0\r\n\r\n"u8,
        };
        using var peer = listener.Accept();
        peer.NoDelay = true;
        var buffer = new byte[4096];
        var filled = 0;
        int count;
        while ((count = peer.Receive(buffer.AsSpan(filled))) > 0)
        {
            filled += count;
            if (buffer.AsSpan(0, filled).EndsWith(end))
            {
                peer.Send(response);
                filled = 0;
            }
        }
    }
}
