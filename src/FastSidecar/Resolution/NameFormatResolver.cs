namespace FastSidecar.Resolution;

/// <summary>
/// Puts the app id into a configured format; nothing else is looked up, so a port must be part of the format (dapr components-contrib
/// nameresolution/nameformat/nameformat.go v1.18.4). Ignores namespace and port. Answers synchronously, except when its configuration was refused: then
/// every call fails after half a second, the time daprd spends on asking five more times.
/// </summary>
internal sealed class NameFormatResolver : INameResolver
{
    private const string Placeholder = "{appid}";
    private static readonly TimeSpan EmptyAddressDelay = TimeSpan.FromMilliseconds(500);
    private readonly string _format;
    private readonly TimeProvider _time;

    /// <param name="format"><c>spec.nameResolution.configuration.format</c>, or null when absent.</param>
    /// <param name="time">For the delay of a refused configuration.</param>
    public NameFormatResolver(string? format, TimeProvider time)
    {
        _format = format ?? "";
        _time = time;
        InitError = Validate(format);
    }

    /// <summary>Why the configuration was refused, or null; the cause in daprd's <c>[INIT_COMPONENT_FAILURE]</c> line.</summary>
    public string? InitError { get; }

    public static string? Validate(string? format)
    {
        if (string.IsNullOrEmpty(format))
        {
            return "format is required in metadata";
        }

        return format.Contains(Placeholder, StringComparison.Ordinal) ? null : "format must contain {appid} placeholder";
    }

    public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken)
    {
        if (InitError is not null)
        {
            return FailAsync(request, cancellationToken);
        }

        if (request.Id.Length == 0)
        {
            return new ValueTask<ResolveResult>(ResolveResult.Failed("empty ID not allowed"));
        }

        var address = _format.Replace(Placeholder, request.Id, StringComparison.Ordinal);

        // gRPC takes its target for a URL: what follows '#' or '?' is no part of the address (recorded: 127.0.0.1:50002#{appid} works).
        var end = address.AsSpan().IndexOfAny('#', '?');
        return new ValueTask<ResolveResult>(ResolveResult.Found([end < 0 ? address : address[..end]], isComplete: true));
    }

    private async ValueTask<ResolveResult> FailAsync(ResolveRequest request, CancellationToken cancellationToken)
    {
        await Task.Delay(EmptyAddressDelay, _time, cancellationToken);
        return ResolveResult.Failed($"resolver returned empty address for app id {request.Namespace}/{request.Id}");
    }
}
