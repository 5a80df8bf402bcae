namespace FastSidecar.Invocation;

/// <summary>
/// What <c>/v1.0/healthz</c> waits for: named parts, each ready or not (dapr pkg/healthz/healthz.go v1.18.3). Outbound readiness is a flag
/// of its own that never goes back.
/// </summary>
internal sealed class Readiness
{
    public const string Runtime = "runtime";
    public const string SecurityProvider = "security-provider";
    public const string GrpcApiServer = "grpc-api-server";
    public const string GrpcInternalServer = "grpc-internal-server";

    private readonly Lock _lock = new();
    private readonly SortedSet<string> _waiting;
    private volatile bool _ready;
    private volatile bool _outboundReady;
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Readiness(params IEnumerable<string> parts) => _waiting = new SortedSet<string>(parts, StringComparer.Ordinal);

    public bool IsReady => _ready;

    public bool IsOutboundReady => _outboundReady;

    /// <summary>Completes when a part's state changes next. Whoever looks at <see cref="IsReady"/> takes it before.</summary>
    public Task Changed => _changed.Task;

    public void SetReady(string part) => Change(part, ready: true);

    public void SetNotReady(string part) => Change(part, ready: false);

    public void SetOutboundReady() => _outboundReady = true;

    /// <summary>Names of the parts that are not ready, separated by spaces.</summary>
    public string Waiting()
    {
        lock (_lock)
        {
            return string.Join(' ', _waiting);
        }
    }

    private void Change(string part, bool ready)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _ = ready ? _waiting.Remove(part) : _waiting.Add(part);
            _ready = _waiting.Count == 0;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }
}
