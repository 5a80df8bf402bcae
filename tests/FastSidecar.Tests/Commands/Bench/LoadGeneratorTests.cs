using System.Net;
using System.Net.Sockets;
using FastSidecar.Commands.Bench;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Commands.Bench;

/// <summary>The generator against a server of this test, which answers as it is told.</summary>
public sealed class LoadGeneratorTests : IAsyncDisposable
{
    private static readonly byte[] Body = "a body"u8.ToArray();

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly List<Task> _connections = [];
    private Task _accepting = Task.CompletedTask;

    [Fact]
    public async Task OpenLoop_ServerInTime_EveryRequestIsMeasured()
    {
        Serve("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na body");

        var run = await RunAsync(rate: 50);

        // So many are due in two seconds, however slow the machine is.
        Assert.InRange(run.Requests, 99, 101);
        Assert.True(run.Latency.P50 > 0 && run.Latency.P50 <= run.Latency.P90 && run.Latency.P90 <= run.Latency.P99);
        Assert.True(run.Cpu > 0);
    }

    [Fact]
    public async Task ClosedLoop_EveryAnswerMakesTheNextRequest()
    {
        Serve("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na body");

        var run = await RunAsync(rate: 0);

        Assert.True(run.Answers > 4, $"{run.Answers} answers on four connections");
        Assert.Equal(0, run.Waited);
    }

    [Fact]
    public async Task OpenLoop_SlowServer_LatencyCountsTheWaitForAConnection()
    {
        // Four connections, each busy for 50 ms with a request: at 200 a second most requests wait.
        Serve("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na body", TimeSpan.FromMilliseconds(50));

        var run = await RunAsync(rate: 200);

        Assert.True(run.Waited > 10, $"{run.Waited} waited");
        Assert.True(run.Latency.P99 > 90_000, $"p99 {run.Latency.P99} µs");
    }

    [Theory]
    [InlineData("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", "503")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na bodY", "wrong bytes")]
    public async Task WrongAnswer_IsVoid(string answer, string reason)
    {
        Serve(answer);

        var refused = await Assert.ThrowsAsync<BenchException>(() => RunAsync(rate: 500));

        Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task MissingAnswers_AreVoidAndCounted()
    {
        Serve("");

        var refused = await Assert.ThrowsAsync<BenchException>(() => RunAsync(rate: 500));

        // 2.05 s with warm-up; four of them were sent, the others found no free connection.
        Assert.Contains("1025 of 1025 requests had no answer", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task NobodyListens_IsVoid()
    {
        _listener.Start();
        _listener.Stop();

        await Assert.ThrowsAsync<BenchException>(() => RunAsync(rate: 500));
    }

    [Fact]
    public async Task Interrupted_Ends()
    {
        Serve("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\na body");
        using var interrupted = new CancellationTokenSource();
        var run = RunAsync(rate: 500, TimeSpan.FromMinutes(5), interrupted.Token);

        await interrupted.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run);
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting.Within("the end of the listener");
        await Task.WhenAll(_connections).Within("the end of the connections");
        _listener.Dispose();
    }

    private void Serve(string answer, TimeSpan delay = default)
    {
        _listener.Start();
        _accepting = AcceptAsync(answer, delay);
    }

    private async Task AcceptAsync(string answer, TimeSpan delay)
    {
        try
        {
            while (true)
            {
                _connections.Add(AnswerAsync(await _listener.AcceptTcpClientAsync(), System.Text.Encoding.ASCII.GetBytes(answer), delay));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Stopped.
        }
    }

    /// <summary>A request is one piece here: it is far shorter than any buffer.</summary>
    private static async Task AnswerAsync(TcpClient client, byte[] answer, TimeSpan delay)
    {
        using (client)
        {
            try
            {
                var buffer = new byte[4096];
                while (await client.GetStream().ReadAsync(buffer) > 0)
                {
                    if (delay > TimeSpan.Zero)
                    {
                        await Task.Delay(delay);
                    }

                    await client.GetStream().WriteAsync(answer);
                }
            }
            catch (IOException)
            {
                // The generator has gone.
            }
        }
    }

    private Task<LoadRun> RunAsync(long rate, TimeSpan? measured = null, CancellationToken interrupted = default)
    {
        var plan = new LoadPlan
        {
            Port = _listener.LocalEndpoint is IPEndPoint { Port: > 0 and var port } ? port : 1,
            Target = "/",
            Body = Body,
            Connections = 4,
            Rate = rate,
            WarmUp = TimeSpan.FromSeconds(0.05),
            // Far longer than a busy machine keeps an answer back: a run without any is void.
            Measured = measured ?? TimeSpan.FromSeconds(2),
            CallerProcess = Environment.ProcessId,
            CalleeProcess = Environment.ProcessId,
        };

        // A thread of its own: those of the pool are the server's.
        return Task.Factory.StartNew(Run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Within("the run");

        LoadRun Run()
        {
            using var generator = new LoadGenerator(plan, TimeProvider.System);
            return generator.Run(interrupted);
        }
    }
}
