using FastSidecar.Protocol.Grpc;

namespace FastSidecar.Api.Grpc;

/// <summary>
/// The .proto files of what this port serves, for reflection: the services with the methods that are really there, and their messages.
/// Written down from dapr/proto (v1.18.3), grpc/grpc-proto and microsoft/durabletask-protobuf; tests compile them.
/// </summary>
internal static class ServedFiles
{
    private const string Common = "dapr/proto/common/v1/common.proto";
    private const string Invoke = "dapr/proto/runtime/v1/invoke.proto";
    private const string Metadata = "dapr/proto/runtime/v1/metadata.proto";
    private const string Runtime = "dapr.proto.runtime.v1";
    private const string Empty = ".google.protobuf.Empty";

    public static DescriptorFile[] All() =>
    [
        new DescriptorFile("google/protobuf/any.proto", "google.protobuf").Message("Any", "string type_url 1", "bytes value 2"),
        new DescriptorFile("google/protobuf/empty.proto", "google.protobuf").Message("Empty"),
        CommonFile(),
        new DescriptorFile(Invoke, Runtime, Common)
            .Message("InvokeServiceRequest", "string id 1", ".dapr.proto.common.v1.InvokeRequest message 3"),
        MetadataFile(),
        new DescriptorFile("dapr/proto/runtime/v1/dapr.proto", Runtime, "google/protobuf/empty.proto", Common, Invoke, Metadata)
            .Message("ShutdownRequest")
            .Service(
                "Dapr",
                $"InvokeService .{Runtime}.InvokeServiceRequest .dapr.proto.common.v1.InvokeResponse",
                $"GetMetadata .{Runtime}.GetMetadataRequest .{Runtime}.GetMetadataResponse",
                $"SetMetadata .{Runtime}.SetMetadataRequest {Empty}",
                $"Shutdown .{Runtime}.ShutdownRequest {Empty}"),
        new DescriptorFile("orchestrator_service.proto", "", "google/protobuf/empty.proto")
            .Service("TaskHubSidecarService", $"Hello {Empty} {Empty}"),
        HealthFile(),
        ReflectionFile("v1"),
        ReflectionFile("v1alpha"),
    ];

    private static DescriptorFile CommonFile() => new DescriptorFile(Common, "dapr.proto.common.v1", "google/protobuf/any.proto")
        .MessageWithEnum(
            "HTTPExtension",
            "Verb",
            ["NONE", "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"],
            "enum:.dapr.proto.common.v1.HTTPExtension.Verb verb 1",
            "string querystring 2")
        .Message(
            "InvokeRequest",
            "string method 1",
            ".google.protobuf.Any data 2",
            "string content_type 3",
            ".dapr.proto.common.v1.HTTPExtension http_extension 4")
        .Message("InvokeResponse", ".google.protobuf.Any data 1", "string content_type 2");

    private static DescriptorFile MetadataFile() => new DescriptorFile(Metadata, Runtime)
        .Message("GetMetadataRequest")
        .Message(
            "GetMetadataResponse",
            "string id 1",
            $"repeated .{Runtime}.ActiveActorsCount active_actors_count 2 actors",
            $"repeated .{Runtime}.RegisteredComponents registered_components 3 components",
            "map:string extended_metadata 4 extended",
            $"repeated .{Runtime}.PubsubSubscription subscriptions 5",
            $"repeated .{Runtime}.MetadataHTTPEndpoint http_endpoints 6",
            $".{Runtime}.AppConnectionProperties app_connection_properties 7",
            "string runtime_version 8",
            "repeated string enabled_features 9",
            $".{Runtime}.ActorRuntime actor_runtime 10",
            $"optional .{Runtime}.MetadataScheduler scheduler 11",
            $"optional .{Runtime}.MetadataWorkflows workflows 12",
            $"repeated .{Runtime}.MetadataMCPServer mcp_servers 13",
            $"repeated .{Runtime}.MetadataWorkflowAccessPolicy workflow_access_policies 14",
            $"repeated .{Runtime}.MetadataResiliency resiliencies 15")
        .Message("MetadataWorkflows", "int32 connected_workers 1")
        .Message("MetadataScheduler", "repeated string connected_addresses 1")
        .MessageWithEnum(
            "ActorRuntime",
            "ActorRuntimeStatus",
            ["INITIALIZING", "DISABLED", "RUNNING"],
            $"enum:.{Runtime}.ActorRuntime.ActorRuntimeStatus runtime_status 1",
            $"repeated .{Runtime}.ActiveActorsCount active_actors 2",
            "bool host_ready 3",
            "string placement 4")
        .Message("ActiveActorsCount", "string type 1", "int32 count 2")
        .Message("RegisteredComponents", "string name 1", "string type 2", "string version 3", "repeated string capabilities 4")
        .Message("MetadataHTTPEndpoint", "string name 1")
        .Message("MetadataMCPServer", "string name 1")
        .Message("MetadataWorkflowAccessPolicy", "string name 1")
        .Message("MetadataResiliency", "string name 1")
        .Message(
            "AppConnectionProperties",
            "int32 port 1",
            "string protocol 2",
            "string channel_address 3",
            "int32 max_concurrency 4",
            $".{Runtime}.AppConnectionHealthProperties health 5")
        .Message(
            "AppConnectionHealthProperties",
            "string health_check_path 1",
            "string health_probe_interval 2",
            "string health_probe_timeout 3",
            "int32 health_threshold 4")
        .Message(
            "PubsubSubscription",
            "string pubsub_name 1 pubsubname",
            "string topic 2",
            "map:string metadata 3",
            $".{Runtime}.PubsubSubscriptionRules rules 4",
            "string dead_letter_topic 5",
            $"enum:.{Runtime}.PubsubSubscriptionType type 6")
        .Message("PubsubSubscriptionRules", $"repeated .{Runtime}.PubsubSubscriptionRule rules 1")
        .Message("PubsubSubscriptionRule", "string match 1", "string path 2")
        .Message("SetMetadataRequest", "string key 1", "string value 2")
        .Enum("PubsubSubscriptionType", "UNKNOWN", "DECLARATIVE", "PROGRAMMATIC", "STREAMING");

    private static DescriptorFile HealthFile()
    {
        const string Package = "grpc.health.v1";
        return new DescriptorFile("grpc/health/v1/health.proto", Package)
            .Message("HealthCheckRequest", "string service 1")
            .MessageWithEnum(
                "HealthCheckResponse",
                "ServingStatus",
                ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"],
                $"enum:.{Package}.HealthCheckResponse.ServingStatus status 1")
            .Message("HealthListRequest")
            .Message("HealthListResponse", $"map:.{Package}.HealthCheckResponse statuses 1")
            .Service(
                "Health",
                $"Check .{Package}.HealthCheckRequest .{Package}.HealthCheckResponse",
                $"List .{Package}.HealthListRequest .{Package}.HealthListResponse",
                $"Watch .{Package}.HealthCheckRequest stream:.{Package}.HealthCheckResponse");
    }

    /// <summary>The two versions differ in their name alone.</summary>
    private static DescriptorFile ReflectionFile(string version)
    {
        var package = $"grpc.reflection.{version}";
        return new DescriptorFile($"grpc/reflection/{version}/reflection.proto", package)
            .Message(
                "ServerReflectionRequest",
                "string host 1",
                "oneof message_request string file_by_filename 3",
                "oneof message_request string file_containing_symbol 4",
                $"oneof message_request .{package}.ExtensionRequest file_containing_extension 5",
                "oneof message_request string all_extension_numbers_of_type 6",
                "oneof message_request string list_services 7")
            .Message("ExtensionRequest", "string containing_type 1", "int32 extension_number 2")
            .Message(
                "ServerReflectionResponse",
                "string valid_host 1",
                $".{package}.ServerReflectionRequest original_request 2",
                $"oneof message_response .{package}.FileDescriptorResponse file_descriptor_response 4",
                $"oneof message_response .{package}.ExtensionNumberResponse all_extension_numbers_response 5",
                $"oneof message_response .{package}.ListServiceResponse list_services_response 6",
                $"oneof message_response .{package}.ErrorResponse error_response 7")
            .Message("FileDescriptorResponse", "repeated bytes file_descriptor_proto 1")
            .Message("ExtensionNumberResponse", "string base_type_name 1", "repeated int32 extension_number 2")
            .Message("ListServiceResponse", $"repeated .{package}.ServiceResponse service 1")
            .Message("ServiceResponse", "string name 1")
            .Message("ErrorResponse", "int32 error_code 1", "string error_message 2")
            .Service(
                "ServerReflection",
                $"ServerReflectionInfo stream:.{package}.ServerReflectionRequest stream:.{package}.ServerReflectionResponse");
    }
}
