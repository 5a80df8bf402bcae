using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Processes;

/// <summary>Asks a sidecar whether it is ready.</summary>
internal static class SidecarHealth
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(20);

    /// <summary>Waits until <c>healthz</c> answers 204.</summary>
    public static async Task ReadyAsync(SidecarProcess sidecar, Rendezvous rendezvous)
    {
        var deadline = Clock.Now + StartPatience.TotalSeconds;
        while (Clock.Now < deadline && !sidecar.HasEnded)
        {
            if (await StatusAsync(sidecar, rendezvous) == 204)
            {
                return;
            }

            await Task.Delay(25);
        }

        throw new InvalidOperationException($"{sidecar.Options!.AppId} did not become ready; its log:\n{sidecar.Log}");
    }

    /// <summary>The HTTP API's unix socket of a sidecar that has one.</summary>
    public static UnixDomainSocketEndPoint? SocketOf(SidecarOptions options)
    {
        var flags = options.Flags.ToList();
        var at = flags.IndexOf("--unix-domain-socket");
        return at < 0 ? null : new UnixDomainSocketEndPoint(Path.Combine(flags[at + 1], $"dapr-{options.AppId}-http.socket"));
    }

    private static async Task<int> StatusAsync(SidecarProcess sidecar, Rendezvous rendezvous)
    {
        try
        {
            var answer = await RawClient.CallAsync(
                new RawCall
                {
                    To = SocketOf(sidecar.Options!) ?? (EndPoint)new IPEndPoint(IPAddress.Loopback, sidecar.Ports.Http),
                    Steps = [new JsonObject { ["text"] = "GET /v1.0/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" }],
                    Patience = TimeSpan.FromSeconds(2),
                },
                rendezvous);
            return answer["responses"]!.AsArray().LastOrDefault()?["status"]?.GetValue<int>() ?? 0;
        }
        catch (SocketException)
        {
            return 0;
        }
    }
}
