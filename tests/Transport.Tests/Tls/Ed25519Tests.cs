using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>What the runtime can do with Ed25519: verify, not sign.</summary>
public class Ed25519Tests
{
    /// <summary>When this fails the runtime has learnt it, and an identity may have Dapr's own kind of key (docs/tls.md).</summary>
    [OpenSslFact]
    public void PrivateKey_CannotBeLoaded()
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        var leaf = ca.Issue(KeyKind.Ed25519);
        Assert.Throws<CryptographicException>(() => X509Certificate2.CreateFromPemFile(leaf.CertificateFile, leaf.KeyFile));

        var archive = leaf.Name + ".p12";
        OpenSsl.Run("pkcs12", "-export", "-in", leaf.CertificateFile, "-inkey", leaf.KeyFile, "-out", archive, "-passout", "pass:");
        Assert.Throws<CryptographicException>(() => X509CertificateLoader.LoadPkcs12FromFile(archive, ""));
    }

    [Fact]
    public void RecordedChain_IsVerified_AndATamperedLeafIsNot()
    {
        using var sentry = new SentryBundle();
        using var leaf = X509CertificateLoader.LoadCertificateFromFile(sentry.Ed25519.CertificateFile);
        Assert.Equal(X509ChainStatusFlags.NoError, Verify(sentry, leaf));

        var bytes = leaf.RawData;
        bytes[^1] ^= 1;
        using var tampered = X509CertificateLoader.LoadCertificate(bytes);
        Assert.Equal(X509ChainStatusFlags.NotSignatureValid, Verify(sentry, tampered));
    }

    private static X509ChainStatusFlags Verify(SentryBundle sentry, X509Certificate2 leaf)
    {
        using var root = X509CertificateLoader.LoadCertificateFromFile(sentry.Root.CertificateFile);
        using var issuer = X509CertificateLoader.LoadCertificateFromFile(sentry.Ed25519.IssuerFile);
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
                VerificationTime = SentryBundle.ValidAt.UtcDateTime,
            },
        };
        chain.ChainPolicy.CustomTrustStore.Add(root);
        chain.ChainPolicy.ExtraStore.Add(issuer);
        chain.Build(leaf);
        return chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status);
    }
}
