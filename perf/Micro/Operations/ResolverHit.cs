using FastSidecar.Resolution;
using Microsoft.Extensions.Logging.Abstractions;

namespace FastSidecar.Micro.Operations;

/// <summary>The address of an app id that was called before.</summary>
internal sealed class ResolverHit : Operation
{
    private readonly CachingResolver _resolver;
    private readonly ResolveRequest _request = new("orders", "default", 50002);

    public ResolverHit()
        : base("resolver-hit", "Address of a known app id")
    {
        _resolver = new CachingResolver(new TwoInstances(), new CachingOptions(), TimeProvider.System, NullLogger.Instance);
        _resolver.ResolveAsync(_request, default, CancellationToken.None).AsTask().GetAwaiter().GetResult();
    }

    public override int Run() => Resolve() is { Address: { } address } ? address.Length : -1;

    /// <summary>Two addresses, in turn.</summary>
    public override string Result() => $"{Resolve().Address} {Resolve().Address}";

    private ResolvedAddress Resolve() => _resolver.ResolveAsync(_request, default, CancellationToken.None).GetAwaiter().GetResult();

    private sealed class TwoInstances : INameResolver
    {
        public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken) =>
            new(ResolveResult.Found(["127.0.0.1:50002", "127.0.0.1:50003"], isComplete: true));
    }
}
