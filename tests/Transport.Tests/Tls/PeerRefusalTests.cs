using System.Security.Authentication;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>
/// Whom SslStream refuses for us. It judges after its part of the handshake and sends no alert on Linux: the peer sees the connection end.
/// </summary>
public class PeerRefusalTests
{
    private const string PeerPath = "/ns/default/app1";

    [OpenSslFact]
    public async Task ServerOfAForeignRoot_IsRefused()
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var foreign = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(foreign.Issue(KeyKind.Ed25519), ca.Root, "h2");
        await RefusedAsync(server, credentials);
    }

    [OpenSslTheory]
    [InlineData("spiffe://public/ns/default/b")]
    [InlineData("spiffe://public/ns/default/app1/x")]
    [InlineData("spiffe://public/x/ns/default/app1")]
    [InlineData("spiffe://public/ns/default/app1,URI:spiffe://public/ns/default/b")]
    public async Task ServerOfAnotherId_IsRefused(string spiffeId)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(ca.Issue(KeyKind.Ed25519, spiffeId), ca.Root, "h2");
        await RefusedAsync(server, credentials);
    }

    [OpenSslFact]
    public async Task ServerThatDoesNotSendItsIssuer_IsRefused()
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        var leaf = ca.Issue(KeyKind.Ed25519);
        await using var server = OpenSslPeer.Serve(leaf with { IssuerName = leaf.Name }, ca.Root, "h2");
        await RefusedAsync(server, credentials);
    }

    [OpenSslTheory]
    [InlineData("keyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n")]
    [InlineData("keyUsage=critical,digitalSignature,keyCertSign\nbasicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\n")]
    [InlineData("keyUsage=critical,digitalSignature,keyCertSign\nsubjectKeyIdentifier=hash\n")]
    public async Task IssuerThatMayNotSign_IsRefused_AlthoughWrongUsageIsIgnored(string issuerExtensions)
    {
        using var good = new TestCa(KeyKind.Ed25519);
        using var ca = new TestCa(KeyKind.Ed25519, issuerExtensions);
        using var credentials = new SpiffeCredentials(good.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(ca.Issue(KeyKind.Ed25519), good.Root, "h2");
        await RefusedAsync(server, credentials);
    }

    [OpenSslTheory]
    [InlineData("codeSigning")]
    [InlineData("")]
    public async Task AnyExtendedKeyUsageOfALeaf_IsAccepted(string extendedKeyUsage)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(ca.Issue(KeyKind.Ed25519, extendedKeyUsage: extendedKeyUsage), ca.Root, "h2");
        await using var end = await TlsEnd.ConnectAsync(await server.Port.Within("a port"), credentials, PeerPath);
        Assert.Equal(TestCa.SpiffeId, end.Peer);
    }

    [OpenSslTheory]
    [InlineData(2, 1)]
    [InlineData(60, 90)]
    public async Task LeafOrIssuerPastItsEnd_IsRefused(int daysLater, int leafDays)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        var later = DateTimeOffset.UtcNow.AddDays(daysLater);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root) { ValidAt = later };
        await using var server = OpenSslPeer.Serve(ca.Issue(KeyKind.Ed25519, days: leafDays), ca.Root, "h2");
        await RefusedAsync(server, credentials);
    }

    [OpenSslTheory]
    [InlineData(false, "-tls1_2")]
    [InlineData(false, "-tls1_3")]
    [InlineData(true, "-tls1_2")]
    [InlineData(true, "-tls1_3")]
    public async Task ClientWithoutCertificateOrOfAForeignRoot_IsRefused(bool shows, string version)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var foreign = new TestCa(KeyKind.Ed25519);
        await ClientRefusedAsync(ca, shows ? foreign.Issue(KeyKind.Ed25519) : null, "h2", version);
    }

    [OpenSslTheory]
    [InlineData(null, "-tls1_3")]
    [InlineData("http/1.1", "-tls1_3")]
    [InlineData("h2", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256")]
    [InlineData("h2", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")]
    public async Task ClientWithoutH2OrWithOldCryptography_IsRefused(string? alpn, params string[] more)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        await ClientRefusedAsync(ca, ca.Issue(KeyKind.Ed25519), alpn, more);
    }

    [OpenSslFact]
    public async Task ServerThatSelectsNoAlpn_CompletesTheHandshake_SoOurCheckRefuses()
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(ca.Issue(KeyKind.Ed25519), ca.Root, alpn: null);
        var port = await server.Port.Within("a port");
        var refusal = await Assert.ThrowsAsync<AuthenticationException>(() => TlsEnd.ConnectAsync(port, credentials, PeerPath));
        Assert.Equal("missing selected ALPN property", refusal.Message);
    }

    private static async Task RefusedAsync(OpenSslPeer server, SpiffeCredentials credentials)
    {
        var port = await server.Port.Within("a port");
        await Assert.ThrowsAsync<AuthenticationException>(() => TlsEnd.ConnectAsync(port, credentials, PeerPath));
    }

    private static async Task ClientRefusedAsync(TestCa ca, TestLeaf? leaf, string? alpn, params string[] more)
    {
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        using var listener = MutualHandshakeTests.Listen();
        await using var client = OpenSslPeer.Connect(MutualHandshakeTests.Port(listener), leaf, ca.Root, alpn, more);
        await Assert.ThrowsAsync<AuthenticationException>(() => TlsEnd.AcceptAsync(listener, credentials));
        await client.OutputAsync();
    }
}
