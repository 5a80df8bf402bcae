using System.Formats.Asn1;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using FastSidecar.Transport.Tls;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>
/// The interface as the program can implement it: our P-256 leaf shown with its issuer, one set of roots, a peer proven by the path of its
/// SPIFFE id. A trial of the shape, not the product: checks of the id's grammar and of a leaf's key usage are left out (docs/tls.md).
/// </summary>
internal sealed class SpiffeCredentials : ITlsCredentials, IDisposable
{
    private static readonly Asn1Tag UriName = new(TagClass.ContextSpecific, 6);

    private readonly X509Certificate2 _leaf;
    private readonly X509Certificate2 _issuer;
    private readonly X509Certificate2 _root;
    private readonly SslStreamCertificateContext _context;

    public SpiffeCredentials(TestLeaf leaf, TestLeaf root)
    {
        _leaf = X509Certificate2.CreateFromPemFile(leaf.CertificateFile, leaf.KeyFile);
        _issuer = X509CertificateLoader.LoadCertificateFromFile(leaf.IssuerFile);
        _root = X509CertificateLoader.LoadCertificateFromFile(root.CertificateFile);

        // Once for a certificate, not for a handshake: it builds a chain. Offline, or it would look for the issuer in the network.
        _context = SslStreamCertificateContext.Create(_leaf, [_issuer], offline: true);
    }

    public string Identity => PeerOf(_leaf)!;

    /// <summary>The moment at which certificates are judged; null is now.</summary>
    public DateTimeOffset? ValidAt { get; init; }

    /// <summary>Called on the thread that judges a peer.</summary>
    public Action OnJudge { get; init; } = static () => { };

    public SslClientAuthenticationOptions ForClient(string expectedPeer) => new()
    {
        ClientCertificateContext = _context,
        CertificateChainPolicy = ChainPolicy(),
        RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            Uri.TryCreate(Accept(certificate, errors), UriKind.Absolute, out var peer) && peer.AbsolutePath == expectedPeer,
    };

    public SslServerAuthenticationOptions ForServer() => new()
    {
        ServerCertificateContext = _context,
        ClientCertificateRequired = true,
        CertificateChainPolicy = ChainPolicy(),
        RemoteCertificateValidationCallback = (_, certificate, _, errors) => Accept(certificate, errors) is not null,
    };

    public string? PeerOf(X509Certificate2 certificate)
    {
        string? found = null;
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value != "2.5.29.17")
            {
                continue;
            }

            // X509SubjectAlternativeNameExtension does not list URIs.
            var names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (names.PeekTag() != UriName)
                {
                    names.ReadEncodedValue();
                }
                else if (found is not null)
                {
                    return null;
                }
                else
                {
                    found = names.ReadCharacterString(UniversalTagNumber.IA5String, UriName);
                }
            }
        }

        return found;
    }

    public void Dispose()
    {
        _leaf.Dispose();
        _issuer.Dispose();
        _root.Dispose();
    }

    private X509ChainPolicy ChainPolicy()
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            CustomTrustStore = { _root },
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,

            // Dapr takes leaves of any extended key usage (go-spiffe svid/x509svid/verify.go); SslStream asks for serverAuth or clientAuth.
            VerificationFlags = X509VerificationFlags.IgnoreWrongUsage,
        };
        if (ValidAt is { } time)
        {
            policy.VerificationTime = time.UtcDateTime;
        }

        return policy;
    }

    /// <summary>
    /// The SPIFFE id of an acceptable peer. Leaves have no DNS name, so only that error is let pass, never one of the chain.
    /// </summary>
    private string? Accept(X509Certificate? certificate, SslPolicyErrors errors)
    {
        OnJudge();
        return (errors & ~SslPolicyErrors.RemoteCertificateNameMismatch) == SslPolicyErrors.None && certificate is X509Certificate2 leaf
            ? PeerOf(leaf)
            : null;
    }
}
