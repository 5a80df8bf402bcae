using System.Net;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Http2;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Replay;

/// <summary>Sends recorded requests in the way a <see cref="Perturbation"/> asks for.</summary>
internal sealed class PerturbedClient(Perturbation perturbation, Rendezvous rendezvous) : IDisposable
{
    private readonly Dictionary<EndPoint, RawConnection> _kept = [];

    public async Task<JsonObject> CallAsync(string name, RawCall call)
    {
        if (perturbation.IsHttp2 && !call.IsHttp1Only && Http2Form.Request(call.Steps) is { } frames)
        {
            return await Http2Async(call, frames);
        }

        var perturbed = call with { Methods = call.Methods ?? RawClient.MethodsOf(call.Steps), Steps = perturbation.Client(name, call.Steps) };
        return perturbation.KeepsAlive ? await OnKeptConnectionAsync(perturbed) : await RawClient.CallAsync(perturbed, rendezvous);
    }

    public void Dispose()
    {
        foreach (var connection in _kept.Values)
        {
            connection.Dispose();
        }
    }

    private async Task<JsonObject> OnKeptConnectionAsync(RawCall call)
    {
        if (!_kept.Remove(call.To, out var connection) || connection.PeerEnd is not null)
        {
            connection?.Dispose();
            connection = new RawConnection(await RawClient.ConnectAsync(call.To));
        }

        connection.Consume(connection.Count);
        var result = await RawClient.CallAsync(connection, call, rendezvous);
        if (result["connection"]?.GetValue<string>() == "open")
        {
            _kept[call.To] = connection;
        }
        else
        {
            connection.Dispose();
        }

        return result;
    }

    private static async Task<JsonObject> Http2Async(RawCall call, IReadOnlyList<Http2Frame> frames)
    {
        using var connection = new RawConnection(await RawClient.ConnectAsync(call.To));
        var peer = new Http2Peer(connection);
        try
        {
            await connection.SendAsync(Http2Frame.Preface.ToArray());
            await peer.StartAsync();
            await peer.SendAsync(frames);
        }
        catch (IOException)
        {
            // Refused early: what came is still read.
        }

        var stream = peer.Stream(1);
        await peer.ReadUntilAsync(() => stream.IsOver || peer.GoAway is not null, call.Patience);
        return Http2Form.Answer(peer);
    }
}
