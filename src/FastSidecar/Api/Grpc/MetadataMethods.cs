using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol.Protobuf;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// <c>Dapr/GetMetadata</c>: what the sidecar says about itself (dapr/proto/runtime/v1/metadata.proto, dapr pkg/api/universal/metadata.go
/// v1.18.3).
/// </summary>
internal sealed class GetMetadataMethod(RuntimeMetadata metadata) : UnaryMethod
{
    private const int StatusDisabled = 1;

    protected override void Handle(GrpcCall call, ReadOnlySpan<byte> request)
    {
        Check(request);
        var response = new MessageBuilder().Text(1, metadata.AppId);
        foreach (var (key, value) in metadata.Extended())
        {
            response.Entry(4, key, Utf8(value));
        }

        response.Message(7, App(metadata.App)).Text(8, metadata.RuntimeVersion);
        foreach (var feature in metadata.EnabledFeatures)
        {
            response.Text(9, feature);
        }

        var actors = metadata.IsInitialized
            ? new MessageBuilder().Number(1, StatusDisabled).Text(4, "placement: disconnected")
            : new MessageBuilder();
        call.Reply(response.Message(10, actors).Message(12, new MessageBuilder()));
    }

    /// <summary>None of its fields is known, but they have to be fields.</summary>
    private static void Check(ReadOnlySpan<byte> request) => _ = MessageFields.Bytes(request, 1);

    /// <summary>A value that was stored over HTTP may be anything; a protobuf string is UTF-8.</summary>
    private static byte[] Utf8(byte[] value) =>
        System.Text.Unicode.Utf8.IsValid(value) ? value : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(value));

    private static MessageBuilder App(AppConnectionProperties app)
    {
        var message = new MessageBuilder()
            .Number(1, app.Port)
            .Text(2, app.Protocol)
            .Text(3, app.ChannelAddress)
            .Number(4, Math.Max(0, app.MaxConcurrency));
        return app.Health is { } health
            ? message.Message(5, new MessageBuilder()
                .Text(1, health.CheckPath ?? "")
                .Text(2, health.ProbeInterval)
                .Text(3, health.ProbeTimeout)
                .Number(4, health.Threshold))
            : message;
    }
}

/// <summary><c>Dapr/SetMetadata</c>: stores a value; the version's own key is accepted and changes nothing.</summary>
internal sealed class SetMetadataMethod(RuntimeMetadata metadata) : UnaryMethod
{
    protected override void Handle(GrpcCall call, ReadOnlySpan<byte> request)
    {
        var key = MessageFields.Text(request, 1);
        metadata.Set(key, WireReader.Text(MessageFields.Bytes(request, 2)).ToArray());
        call.Reply(new MessageBuilder());
    }
}
