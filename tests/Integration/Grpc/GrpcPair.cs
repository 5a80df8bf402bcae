using FastSidecar.Integration.Mdns;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Grpc;

/// <summary>A chat server behind its sidecar, and another sidecar for the client.</summary>
public abstract class GrpcPair(string server) : IAsyncLifetime
{
    private readonly int _serverPort = FreePorts.Next();
    private LineProcess? _server;

    internal SidecarProcess Callee { get; private set; } = null!;

    internal SidecarProcess Caller { get; private set; } = null!;

    internal string ServerAddress => $"127.0.0.1:{_serverPort}";

    /// <summary>What a client dials instead.</summary>
    internal string SidecarAddress => $"127.0.0.1:{Caller.GrpcPort}";

    /// <summary>What a client sends besides: all that changes for it.</summary>
    internal string Metadata => $$"""{"dapr-app-id": "{{Callee.AppId}}"}""";

    public async Task InitializeAsync()
    {
        if (GrpcPrograms.Problem is not null)
        {
            return; // the tests are skipped and say why
        }

        _server = await GrpcPrograms.StartServerAsync(server, _serverPort);
        Callee = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("chat"), AppPort = _serverPort, Flags = ["--app-protocol", "grpc"] });
        Caller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("chatter") });
    }

    public async Task DisposeAsync()
    {
        if (_server is null)
        {
            return;
        }

        await Caller.DisposeAsync();
        await Callee.DisposeAsync();
        await _server.KillAsync();
        await _server.DisposeAsync();
    }

    internal void AssertHealthy()
    {
        Caller.AssertHealthy();
        Callee.AssertHealthy();
    }
}

public sealed class NodeServerPair() : GrpcPair(GrpcPrograms.NodeServer);

public sealed class PythonServerPair() : GrpcPair(GrpcPrograms.PythonServer);
