using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace FastSidecar.Transport.Tls;

/// <summary>No identity, and any certificate is accepted: for an app that brings one of its own. A client only.</summary>
public sealed class AnyPeerCredentials : ITlsCredentials
{
    public string Identity => "";

    public SslClientAuthenticationOptions ForClient(string expectedPeer) => new()
    {
        RemoteCertificateValidationCallback = static (_, _, _, _) => true,

        // Nothing is looked up for a verdict that is given already.
        CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
        },
    };

    public SslServerAuthenticationOptions ForServer() => throw new NotSupportedException("a server needs a certificate");

    /// <summary>Nothing is proven.</summary>
    public string? PeerOf(X509Certificate2 certificate) => null;
}
