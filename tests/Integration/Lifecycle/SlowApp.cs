using System.Net;
using System.Net.Sockets;
using System.Text;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>An app that answers <c>ok</c>, once a test lets it; <c>/dapr/config</c> is refused at once.</summary>
internal sealed class SlowApp : IDisposable
{
    private readonly TcpListener _listener;
    private readonly TaskCompletionSource _called = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _mayAnswer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SlowApp(int port = 0)
    {
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>A call has arrived.</summary>
    public Task CalledAsync() => _called.Task.Within("a call of the app");

    /// <summary>This and all later calls are answered.</summary>
    public void Answer() => _mayAnswer.TrySetResult();

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            using (client)
            {
                using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
                while (await reader.ReadLineAsync() is { } requestLine)
                {
                    while (await reader.ReadLineAsync() is { Length: > 0 })
                    {
                    }

                    var answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"u8.ToArray();
                    if (!requestLine.Contains("/dapr/config", StringComparison.Ordinal))
                    {
                        _called.TrySetResult();
                        await _mayAnswer.Task;
                        answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray();
                    }

                    await client.GetStream().WriteAsync(answer);
                }
            }
        }
        catch (IOException)
        {
            // The sidecar hung up.
        }
    }
}
