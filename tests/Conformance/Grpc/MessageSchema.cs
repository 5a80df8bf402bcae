namespace FastSidecar.Conformance.Grpc;

/// <summary>How a field is written and shown.</summary>
internal enum FieldKind
{
    Number,
    Text,
    Bytes,
    Message,

    /// <summary>map&lt;string, ListStringValue&gt;.</summary>
    Lists,

    /// <summary>map&lt;string, string&gt;.</summary>
    Texts,

    /// <summary>The value of a google.protobuf.Any: shown as the message that <c>type_url</c> names where it is known, else as bytes.</summary>
    AnyValue,
}

/// <summary>One field; <c>Type</c> names the type of a message.</summary>
internal sealed record MessageField(int Number, string Name, FieldKind Kind, string Type = "", bool IsRepeated = false);

/// <summary>The messages that the recordings name, with the field names of Dapr's proto files; written by hand, apart from the product's codecs.</summary>
internal static class MessageSchema
{
    public const string Raw = "Raw";

    private const string Internals = "/dapr.proto.internals.v1.ServiceInvocation/";
    private const string Api = "/dapr.proto.runtime.v1.Dapr/";

    private static readonly Dictionary<string, MessageField[]> Types = new()
    {
        ["Empty"] = [],
        ["Any"] = [Text(1, "type_url"), new(2, "value", FieldKind.AnyValue)],
        ["StringValue"] = [Text(1, "value")],
        ["StreamPayload"] = [new(1, "data", FieldKind.Bytes), Number(2, "seq")],
        ["HTTPExtension"] = [Number(1, "verb"), Text(2, "querystring")],
        ["InvokeRequest"] = [Text(1, "method"), Sub(2, "data", "Any"), Text(3, "content_type"), Sub(4, "http_extension", "HTTPExtension")],
        ["InvokeResponse"] = [Sub(1, "data", "Any"), Text(2, "content_type")],
        ["InvokeServiceRequest"] = [Text(1, "id"), Sub(3, "message", "InvokeRequest")],
        ["Actor"] = [Text(1, "actor_type"), Text(2, "actor_id")],
        ["Reminder"] = [Text(1, "actor_id"), Text(2, "actor_type"), Text(3, "name")],
        ["Status"] = [Number(1, "code"), Text(2, "message"), new(3, "details", FieldKind.Message, "Any", IsRepeated: true)],
        ["ErrorInfo"] = [Text(1, "reason"), Text(2, "domain"), new(3, "metadata", FieldKind.Texts)],
        ["ResourceInfo"] = [Text(1, "resource_type"), Text(2, "resource_name"), Text(3, "owner"), Text(4, "description")],
        ["InternalInvokeRequest"] = [Number(1, "ver"), new(2, "metadata", FieldKind.Lists), Sub(3, "message", "InvokeRequest"), Sub(4, "actor", "Actor")],
        ["InternalInvokeResponse"] =
        [
            Sub(1, "status", "Status"), new(2, "headers", FieldKind.Lists), new(3, "trailers", FieldKind.Lists), Sub(4, "message", "InvokeResponse"),
        ],
        ["InternalInvokeRequestStream"] = [Sub(1, "request", "InternalInvokeRequest"), Sub(2, "payload", "StreamPayload")],
        ["InternalInvokeResponseStream"] = [Sub(1, "response", "InternalInvokeResponse"), Sub(2, "payload", "StreamPayload")],
        ["SetMetadataRequest"] = [Text(1, "key"), Text(2, "value")],
        ["UnsubscribeConfigurationResponse"] = [Number(1, "ok"), Text(2, "message")],
        ["AppConnectionProperties"] = [Number(1, "port"), Text(2, "protocol"), Text(3, "channel_address"), Number(4, "max_concurrency")],
        ["ActorRuntime"] = [Number(1, "runtime_status"), Number(3, "host_ready"), Text(4, "placement")],
        ["GetMetadataResponse"] =
        [
            Text(1, "id"), new(4, "extended_metadata", FieldKind.Texts), Sub(7, "app_connection_properties", "AppConnectionProperties"),
            Text(8, "runtime_version"), new(9, "enabled_features", FieldKind.Text, IsRepeated: true), Sub(10, "actor_runtime", "ActorRuntime"),
            Sub(12, "workflows", "Empty"),
        ],

        // The recorder's own: the first fields of requests to building blocks.
        ["S1"] = [Text(1, "f1"), Text(2, "f2"), Text(3, "f3"), Text(4, "f4"), Text(5, "f5")],
        ["S1I"] = [Text(1, "f1"), Text(2, "f2"), Text(3, "f3"), Number(4, "f4")],
        ["Job1"] = [Sub(1, "job", "S1")],
        ["Sub1"] = [Sub(1, "initial_request", "S1")],
        ["Crypt1"] = [Sub(1, "options", "S1")],
    };

    /// <summary>The fields of a type; null for <see cref="Raw"/>.</summary>
    public static IReadOnlyList<MessageField>? Of(string type) =>
        type == Raw ? null : Types.TryGetValue(type, out var fields) ? fields : throw new InvalidDataException($"no message type {type}");

    /// <summary>The known type that <c>type_url</c> names.</summary>
    public static string? OfTypeUrl(string typeUrl) =>
        typeUrl[(typeUrl.LastIndexOf('.') + 1)..] is "ErrorInfo" or "ResourceInfo" or "StringValue" ? typeUrl[(typeUrl.LastIndexOf('.') + 1)..] : null;

    /// <summary>What a client sends to a method.</summary>
    public static string RequestOf(string path) => path switch
    {
        $"{Internals}CallLocalStream" => "InternalInvokeRequestStream",
        $"{Internals}CallLocal" => "InternalInvokeRequest",
        $"{Api}InvokeService" => "InvokeServiceRequest",
        "/dapr.proto.runtime.v1.AppCallback/OnInvoke" => "InvokeRequest",
        _ => Raw,
    };

    /// <summary>What a method answers.</summary>
    public static string ResponseOf(string path) => path switch
    {
        $"{Internals}CallLocalStream" => "InternalInvokeResponseStream",
        $"{Internals}CallLocal" => "InternalInvokeResponse",
        $"{Api}InvokeService" or "/dapr.proto.runtime.v1.AppCallback/OnInvoke" => "InvokeResponse",
        $"{Api}GetMetadata" => "GetMetadataResponse",
        $"{Api}UnsubscribeConfiguration" or $"{Api}UnsubscribeConfigurationAlpha1" => "UnsubscribeConfigurationResponse",
        _ => Raw,
    };

    private static MessageField Text(int number, string name) => new(number, name, FieldKind.Text);

    private static MessageField Number(int number, string name) => new(number, name, FieldKind.Number);

    private static MessageField Sub(int number, string name, string type) => new(number, name, FieldKind.Message, type);
}
