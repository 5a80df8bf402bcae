using System.Net;
using System.Net.Sockets;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Sockets;
using Xunit;

namespace FastSidecar.Transport.Tests.Sockets;

public sealed class SocketListenerTests
{
    [Fact]
    public async Task ConnectorAndListener_ExchangeBytes()
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        await ExchangeAsync(listener, listener.LocalEndPoint);
    }

    [Fact]
    public async Task NameThatResolves_Connects()
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        await ExchangeAsync(listener, new DnsEndPoint("localhost", ((IPEndPoint)listener.LocalEndPoint).Port));
    }

    [Fact]
    public async Task UnixSocket_ExchangesBytes()
    {
        var path = Path.Combine(Path.GetTempPath(), $"fs-{Guid.NewGuid():N}.sock");
        await using (var listener = new SocketListener(new UnixDomainSocketEndPoint(path)))
        {
            await ExchangeAsync(listener, new UnixDomainSocketEndPoint(path));
        }

        Assert.False(File.Exists(path));
    }

    [Fact]
    public async Task CallbackThrows_AcceptingGoesOn()
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        var error = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        var second = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        listener.Start(
            connection =>
            {
                if (!error.Task.IsCompleted)
                {
                    throw new InvalidOperationException("first");
                }

                connection.Abort();
                second.SetResult();
            },
            error.SetResult);
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await first.ConnectAsync(listener.LocalEndPoint).Within("first connect");
        }
        catch (SocketException)
        {
            // The reset may come before the connect has ended.
        }

        Assert.Equal("first", (await error.Task.Within("error")).Message);
        await using var again = await ConnectAsync(listener.LocalEndPoint);
        await second.Task.Within("second connection");
    }

    [Fact]
    public void AddressTaken_ConstructorThrows()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen(1);
        var failure = Assert.Throws<SocketException>(() => new SocketListener(holder.LocalEndPoint!));
        Assert.Equal(SocketError.AddressAlreadyInUse, failure.SocketErrorCode);
    }

    [Fact]
    public async Task NobodyListens_ConnectThrowsRefused()
    {
        var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        await listener.DisposeAsync();
        var failure = await Assert.ThrowsAsync<SocketException>(() => ConnectAsync(listener.LocalEndPoint));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [Fact]
    public async Task PeerNeverAnswersTheHandshake_TimesOut()
    {
        // A full backlog: the kernel drops further SYNs.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(0);
        var fillers = new List<Socket>();
        try
        {
            for (var i = 0; i < 3; i++)
            {
                var filler = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                fillers.Add(filler);
                _ = filler.ConnectAsync(full.LocalEndPoint!).ContinueWith(static t => t.Exception, TaskScheduler.Default);
            }

            await Assert.ThrowsAsync<TimeoutException>(() =>
                SocketConnector.ConnectAsync(full.LocalEndPoint!, TimeSpan.FromMilliseconds(200), TimeProvider.System, CancellationToken.None).AsTask().Within("timeout"));
        }
        finally
        {
            fillers.ForEach(f => f.Dispose());
        }
    }

    private static async Task ExchangeAsync(SocketListener listener, EndPoint target)
    {
        var accepted = new TaskCompletionSource<SocketConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        listener.Start(accepted.SetResult);
        await using var client = await ConnectAsync(target);
        await using var server = await accepted.Task.Within("accept");
        await client.Output.WriteAsync("hi"u8.ToArray()).AsTask().Within("write");
        var result = await server.Input.ReadAsync().AsTask().Within("read");
        Assert.Equal("hi"u8.ToArray(), result.Buffer.First.ToArray());
        server.Input.AdvanceTo(result.Buffer.End);
    }

    private static Task<SocketConnection> ConnectAsync(EndPoint target) =>
        SocketConnector.ConnectAsync(target, TestTimeouts.Default, TimeProvider.System, CancellationToken.None).AsTask().Within("connect");
}
