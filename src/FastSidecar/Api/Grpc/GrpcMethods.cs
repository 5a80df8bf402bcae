using System.Collections.Frozen;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Api.Grpc;

/// <summary>Which method serves which path. Everything else is proxied.</summary>
internal sealed class GrpcMethods
{
    /// <summary>A user's service of the same name is reached by naming its app: only then its calls are proxied.</summary>
    private const string HealthPrefix = "/grpc.health.v1.Health/";

    private readonly IGrpcMethod _invoke;
    private readonly FrozenDictionary<string, IGrpcMethod> _byPath;

    public GrpcMethods(IGrpcMethod invoke, IEnumerable<KeyValuePair<string, IGrpcMethod>> others)
    {
        _invoke = invoke;
        _byPath = others.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>The method; null for one that is to be proxied.</summary>
    public IGrpcMethod? Find(ReadOnlySpan<byte> path, HeaderList headers)
    {
        if (path.SequenceEqual(MethodPaths.InvokeService))
        {
            return _invoke;
        }

        // Users' own services, the most of what there is, need no text for a look-up.
        if (!path.StartsWith("/dapr.proto.runtime.v1.Dapr/"u8) && !path.StartsWith("/grpc."u8) && !path.StartsWith("/TaskHubSidecarService/"u8))
        {
            return null;
        }

        var text = Encoding.Latin1.GetString(path);
        return _byPath.TryGetValue(text, out var method) && !IsForApp(text, headers) ? method : null;
    }

    private static bool IsForApp(string path, HeaderList headers) =>
        path.StartsWith(HealthPrefix, StringComparison.Ordinal) &&
        (headers.Contains(HeaderNames.DaprAppId) || headers.Contains(HeaderNames.CalleeAppId));
}
