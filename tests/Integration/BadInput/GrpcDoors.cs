using FastSidecar.Integration.Grpc;
using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.BadInput;

/// <summary>The ways in by gRPC: both ports, each with what it serves itself and with what it proxies.</summary>
public enum GrpcDoor
{
    InvokeService,
    ProxiedFromClient,
    CallLocal,
    ProxiedFromPeer,
}

/// <summary>A pair, and another callee whose app speaks gRPC.</summary>
public class GrpcDoorPair : SidecarPair
{
    internal GrpcEchoApp GrpcApp { get; private set; } = null!;

    internal SidecarProcess GrpcCallee { get; private set; } = null!;

    internal override IEnumerable<SidecarProcess> Processes => [.. base.Processes, GrpcCallee];

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        GrpcApp = await GrpcEchoApp.StartAsync();
        GrpcCallee = await SidecarProcess.StartAsync(
            new SidecarSettings { AppId = SidecarSettings.UniqueId("grpc"), AppPort = GrpcApp.Port, Flags = ["--app-protocol", "grpc"] });
    }

    public override async Task DisposeAsync()
    {
        await GrpcCallee.DisposeAsync();
        await GrpcApp.DisposeAsync();
        await base.DisposeAsync();
    }

    internal int PortOf(GrpcDoor door) => door switch
    {
        GrpcDoor.CallLocal => Callee.InternalPort,
        GrpcDoor.ProxiedFromPeer => GrpcCallee.InternalPort,
        _ => Caller.GrpcPort,
    };

    /// <summary>The head of a proper call through that door.</summary>
    internal (string Name, string Value)[] HeadOf(GrpcDoor door, string method = "Echo") => door switch
    {
        GrpcDoor.InvokeService => PeerMessages.RequestHead(GrpcMessages.InvokeService),
        GrpcDoor.CallLocal => PeerMessages.RequestHead(PeerMessages.CallLocal),
        GrpcDoor.ProxiedFromClient => [.. PeerMessages.RequestHead($"/x.X/{method}"), ("dapr-app-id", GrpcCallee.AppId)],
        _ => [.. PeerMessages.RequestHead($"/x.X/{method}"), ("dapr-callee-app-id", GrpcCallee.AppId), ("dapr-caller-app-id", "x")],
    };

    /// <summary>A proper message of it, with its prefix.</summary>
    internal byte[] MessageOf(GrpcDoor door) => Http2Frames.Message(door switch
    {
        GrpcDoor.InvokeService => GrpcMessages.Invoke(Callee.AppId, "echo", "hello"u8.ToArray()),
        GrpcDoor.CallLocal => PeerMessages.UnaryRequest("echo"),
        _ => "hello"u8,
    });

    /// <summary>A proper call's frames.</summary>
    internal byte[] CallOf(GrpcDoor door, int stream) =>
    [
        .. Http2Frames.Headers(stream, 0, HeadOf(door)),
        .. Http2Frames.Frame(Http2Frames.Data, Http2Frames.EndStream, stream, MessageOf(door)),
    ];
}
