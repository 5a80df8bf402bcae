namespace FastSidecar.Invocation;

/// <summary>Who calls, as proven by its certificate; the metadata of a request is never evidence.</summary>
internal sealed record Caller(string SpiffeId, string TrustDomain, string Namespace, string AppId)
{
    /// <summary>A local client, or a peer without a certificate.</summary>
    public static readonly Caller None = new("", "", "", "");
}
