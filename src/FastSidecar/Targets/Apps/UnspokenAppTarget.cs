using System.Text;
using FastSidecar.Invocation;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// An app whose protocol this version does not speak. Every call fails, in the form in which a call of such an app fails, and says why: the
/// app cannot be reached, or it can and we cannot talk to it. Nothing is sent to it.
/// </summary>
internal sealed class UnspokenAppTarget : ITarget
{
    /// <summary>Go's limit for a TLS handshake with an app.</summary>
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(10);

    private readonly AppPort _port;
    private readonly byte[] _baseUrl;
    private readonly AppTargetCache _targets;
    private readonly string _unspoken;
    private readonly TimeProvider _time;

    /// <param name="protocol">As in <c>--app-protocol</c>, lower case.</param>
    /// <param name="address">Where the app is.</param>
    /// <param name="port">Where the app is.</param>
    /// <param name="time">The program's clock.</param>
    public UnspokenAppTarget(string protocol, string address, int port, TimeProvider time)
    {
        _port = new AppPort(address, port, tls: protocol is "https" or "grpcs");
        _baseUrl = Encoding.Latin1.GetBytes($"{(protocol == "https" ? "https" : "http")}://{address}:{port}");
        _targets = new AppTargetCache(_baseUrl);
        _unspoken = $"app protocol {protocol} is not spoken by this version of FastSidecar";
        _time = time;
    }

    public async ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (AppFailure.OfVerb(request) is { } unusable)
        {
            return unusable;
        }

        var target = _targets.Get(request.Method.Span, request.Query.Span);
        return target.Error is { } refused
            ? new InvokeError(ErrorSide.App, null, refused)
            : AppFailure.OfCall(request, _baseUrl, target.Target, await ReasonAsync(cancellationToken));
    }

    private async Task<string> ReasonAsync(CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(HandshakeTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await _port.ConnectAsync(either.Token) ?? _unspoken;
        }
        catch (OperationCanceledException)
        {
            return cancellationToken.IsCancellationRequested ? "context canceled" : "net/http: TLS handshake timeout";
        }
    }
}
