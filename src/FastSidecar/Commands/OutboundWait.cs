using System.Globalization;
using System.Net.Sockets;

namespace FastSidecar.Commands;

/// <summary>
/// <c>--wait</c>: asks a sidecar on this machine until it is ready for outbound calls (dapr pkg/runtime/wait.go). Ends without an error
/// also when it never gets ready.
/// </summary>
internal sealed class OutboundWait(string httpPort, TimeProvider time, TextWriter output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SaidEvery = TimeSpan.FromSeconds(1);

    public async Task RunAsync()
    {
        var url = $"http://localhost:{httpPort}/v1.0/healthz/outbound";
        Say($"Waiting for Dapr to be outbound ready (timeout: {(int)Patience.TotalSeconds} seconds): url={url}\n");
        var start = time.GetTimestamp();
        var lastSaid = TimeSpan.MinValue;
        var problem = "";
        for (var elapsed = TimeSpan.Zero; elapsed < Patience; elapsed = time.GetElapsedTime(start))
        {
            problem = await AskAsync(url);
            if (problem.Length == 0)
            {
                Say("Dapr is outbound ready!");
                return;
            }

            if (lastSaid == TimeSpan.MinValue || elapsed - lastSaid > SaidEvery)
            {
                lastSaid = elapsed;
                Say($"Dapr outbound NOT ready yet: {problem}");
            }

            await Task.Delay(Period, time);
        }

        Say($"timeout waiting for Dapr to become outbound ready. Last error: {problem}");
    }

    private void Say(string line) => output.Write($"{line}\n");

    /// <summary>Why it is not ready; empty when it is.</summary>
    private async Task<string> AskAsync(string url)
    {
        if (!int.TryParse(httpPort, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port > ushort.MaxValue)
        {
            return $"Get \"{url}\": invalid port \"{httpPort}\"";
        }

        using var timeout = new CancellationTokenSource(RequestTimeout, time);
        try
        {
            var status = await LocalHttp.SendAsync(
                token => LocalHttp.ConnectAsync("localhost", port, token),
                "GET",
                "/v1.0/healthz/outbound",
                body: "",
                apiToken: "",
                timeout.Token);
            return status == 204 ? "" : string.Create(CultureInfo.InvariantCulture, $"HTTP status code {status}");
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return $"Get \"{url}\": {e.Message}";
        }
        catch (OperationCanceledException)
        {
            return $"Get \"{url}\": context deadline exceeded";
        }
    }
}
