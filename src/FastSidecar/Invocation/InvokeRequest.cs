using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// One invocation as every part of the sidecar sees it. Owned and reused by the edge it arrived at; the parts below only read it, except
/// that a target may add header fields to <see cref="Metadata"/>, and that the way out notes the <see cref="PeerAddress"/>.
/// </summary>
internal sealed class InvokeRequest
{
    private readonly TraceContext _ownTrace = new();

    /// <summary>The target as the client named it: app id, "app.namespace" or a URL.</summary>
    public string Target { get; set; } = "";

    /// <summary>The method in its normal form (<see cref="MethodPath"/>): the one text that is decided on and dispatched.</summary>
    public ByteText Method;

    public HttpVerb Verb { get; set; }

    /// <summary>The raw query without the question mark; passed on byte for byte.</summary>
    public ByteText Query;

    /// <summary>The Content-Type, which travels beside the header fields; empty when there was none.</summary>
    public ByteText ContentType;

    /// <summary>What kind of message the body is, where a gRPC caller says so (the <c>type_url</c> of its data); empty else.</summary>
    public ByteText TypeUrl;

    /// <summary>A gRPC caller gave data, though perhaps empty; HTTP callers have none beside their body.</summary>
    public bool HasData { get; set; }

    /// <summary>There are a verb and a query. Only a gRPC caller can leave them out, and only a gRPC app does without.</summary>
    public bool HasHttpExtension { get; set; } = true;

    /// <summary>The end that a gRPC caller set to its call, which goes along to a peer; null for none. The edge disposes it.</summary>
    public CallDeadline? Deadline { get; set; }

    /// <summary>Header fields in the form the sidecar-to-sidecar wire has: Go-canonical names, hop-by-hop fields included.</summary>
    public HeaderList Metadata { get; } = new();

    public InvokeBody Body { get; } = new();

    /// <summary>Another sidecar sent it, so <see cref="Metadata"/> holds what that sidecar added.</summary>
    public bool FromPeer { get; set; }

    /// <summary>Who calls; the empty caller on the API port.</summary>
    public Caller Caller { get; set; } = Caller.None;

    /// <summary>Trace context that goes along; never empty (all zeros without one). Valid until the request is cleared.</summary>
    public TraceContext Trace { get; private set; } = TraceContext.Zero;

    /// <summary>The client asks for an event stream (<c>Accept: text/event-stream</c> and nothing else).</summary>
    public bool EventStream { get; set; }

    /// <summary>The client sent <c>Expect: 100-continue</c>: the body is held back until the app agrees, or a second has passed.</summary>
    public bool ExpectsContinue { get; set; }

    /// <summary>The body came in one message: its length is known even when it is empty, and the app is told so.</summary>
    public bool HasWholeBody { get; set; }

    /// <summary>Where the last attempt at a peer went; empty before the first.</summary>
    public string PeerAddress { get; set; } = "";

    /// <summary>Times of this request's phases.</summary>
    public PhaseStamps Phases;

    /// <summary>Takes the trace context of an HTTP request: its <c>traceparent</c>; zeros when that is not valid.</summary>
    public void SetTrace(ReadOnlySpan<byte> traceparent) => Trace = _ownTrace.TrySet(traceparent) ? _ownTrace : TraceContext.Zero;

    /// <summary>Takes the trace context of a gRPC call from its metadata; zeros when it has none.</summary>
    public void SetTraceFromGrpc(HeaderList metadata) => Trace = _ownTrace.TrySetFromGrpc(metadata) ? _ownTrace : TraceContext.Zero;

    public void Clear()
    {
        Target = "";
        PeerAddress = "";
        Method.Clear();
        Query.Clear();
        ContentType.Clear();
        TypeUrl.Clear();
        HasData = false;
        HasHttpExtension = true;
        Verb = HttpVerb.None;
        Metadata.Clear();
        Caller = Caller.None;
        Trace = TraceContext.Zero;
        EventStream = false;
        FromPeer = false;
        ExpectsContinue = false;
        HasWholeBody = false;
        Deadline = null;
        Phases = default;
    }
}
