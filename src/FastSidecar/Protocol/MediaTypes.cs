namespace FastSidecar.Protocol;

/// <summary>Content types that Dapr treats apart.</summary>
internal static class MediaTypes
{
    /// <summary>The content type of a body whose message carried a protobuf type URL.</summary>
    public static ReadOnlySpan<byte> Protobuf => "application/x-protobuf"u8;

    /// <summary>Makes Dapr treat a call as server-sent events (pkg/sse/sse.go).</summary>
    public static ReadOnlySpan<byte> EventStream => "text/event-stream"u8;
}
