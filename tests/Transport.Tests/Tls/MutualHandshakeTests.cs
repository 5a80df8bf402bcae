using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>SslStream, with a P-256 leaf of ours, against peers as a mesh has them. What follows from it stands in docs/tls.md.</summary>
public class MutualHandshakeTests
{
    private const string PeerPath = "/ns/default/app1";

    public static TheoryData<KeyKind, KeyKind, string> Peers()
    {
        var data = new TheoryData<KeyKind, KeyKind, string>();
        foreach (var ca in new[] { KeyKind.Ed25519, KeyKind.P256 })
        {
            foreach (var peer in new[] { KeyKind.Ed25519, KeyKind.P256 })
            {
                data.Add(ca, peer, "-tls1_2");
                data.Add(ca, peer, "-tls1_3");
            }
        }

        return data;
    }

    [OpenSslTheory]
    [MemberData(nameof(Peers))]
    public async Task OpensslServer_IsAcceptedByClient(KeyKind caKind, KeyKind peerKind, string version)
    {
        using var ca = new TestCa(caKind);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(ca.Issue(peerKind), ca.Root, "h2", version);
        await using var end = await TlsEnd.ConnectAsync(await server.Port.Within("a port"), credentials, PeerPath);
        Assert.Equal(Version(version), end.Stream.SslProtocol);
        Assert.True(end.Stream.IsMutuallyAuthenticated);
        Assert.Equal(TestCa.SpiffeId, end.Peer);
        await end.WriteLineAsync("abc");
        Assert.Equal("cba", await end.ReadLineAsync());
    }

    [OpenSslTheory]
    [MemberData(nameof(Peers))]
    public async Task OpensslClient_IsServedAndAccepted(KeyKind caKind, KeyKind peerKind, string version)
    {
        using var ca = new TestCa(caKind);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256, "spiffe://public/ns/default/callee"), ca.Root);
        using var listener = Listen();
        await using var client = OpenSslPeer.Connect(Port(listener), ca.Issue(peerKind), ca.Root, "h2", version);
        await client.SendAsync("ping");
        await using (var end = await TlsEnd.AcceptAsync(listener, credentials))
        {
            Assert.Equal(Version(version), end.Stream.SslProtocol);
            Assert.Equal(TestCa.SpiffeId, end.Peer);
            Assert.Equal("ping", await end.ReadLineAsync());
            await end.WriteLineAsync("pong");
        }

        var output = await client.OutputAsync();
        foreach (var expected in new[] { "pong", "Verification: OK", "ALPN protocol: h2", "No client certificate CA names sent" })
        {
            Assert.True(output.Contains(expected, StringComparison.Ordinal), $"no '{expected}' in: {output}");
        }

        // Leaf and issuer, never the root.
        Assert.Equal(2, output.Split("-----BEGIN CERTIFICATE-----").Length - 1);
    }

    [OpenSslTheory]
    [InlineData(KeyKind.Ed25519)]
    [InlineData(KeyKind.P256)]
    public async Task BothEndsOurs_EachKnowsTheOther(KeyKind caKind)
    {
        using var ca = new TestCa(caKind);
        using var caller = new SpiffeCredentials(ca.Issue(KeyKind.P256, "spiffe://public/ns/default/caller"), ca.Root);
        using var callee = new SpiffeCredentials(ca.Issue(KeyKind.P256, "spiffe://other/ns/default/app1"), ca.Root);
        using var listener = Listen();
        var accepting = TlsEnd.AcceptAsync(listener, callee);
        await using var client = await TlsEnd.ConnectAsync(Port(listener), caller, PeerPath);
        await using var server = await accepting;
        Assert.Equal(SslProtocols.Tls13, client.Stream.SslProtocol);
        Assert.Equal("spiffe://public/ns/default/caller", server.Peer);
        Assert.Equal("spiffe://other/ns/default/app1", client.Peer);
        await client.WriteLineAsync("to server");
        await server.WriteLineAsync("to client");
        Assert.Equal("to server", await server.ReadLineAsync());
        Assert.Equal("to client", await client.ReadLineAsync());
    }

    [OpenSslTheory]
    [InlineData("ECDHE-ECDSA-AES128-GCM-SHA256")]
    [InlineData("ECDHE-ECDSA-AES256-GCM-SHA384")]
    [InlineData("ECDHE-ECDSA-CHACHA20-POLY1305")]
    public async Task EachTls12SuiteOfDapr_IsServed(string suite)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        using var listener = Listen();
        await using var client = OpenSslPeer.Connect(Port(listener), ca.Issue(KeyKind.Ed25519), ca.Root, "h2", "-tls1_2", "-cipher", suite);
        await (await TlsEnd.AcceptAsync(listener, credentials)).DisposeAsync();
        Assert.Contains($"Cipher is {suite}", await client.OutputAsync());
    }

    [OpenSslTheory]
    [InlineData(KeyKind.Ed25519)]
    [InlineData(KeyKind.P256)]
    public async Task CertificatesOfARealSentry_AreShownAndAccepted(KeyKind peerKind)
    {
        using var sentry = new SentryBundle();
        using var credentials = new SpiffeCredentials(sentry.P256, sentry.Root) { ValidAt = SentryBundle.ValidAt };
        var peer = peerKind == KeyKind.Ed25519 ? sentry.Ed25519 : sentry.P256;
        string[] then = ["-attime", $"{SentryBundle.ValidAt.ToUnixTimeSeconds()}"];

        await using var server = OpenSslPeer.Serve(peer, sentry.Root, "h2", then);
        await using (var end = await TlsEnd.ConnectAsync(await server.Port.Within("a port"), credentials, PeerPath))
        {
            Assert.Equal("spiffe://public/ns/default/app1", end.Peer);
        }

        using var listener = Listen();
        await using var client = OpenSslPeer.Connect(Port(listener), peer, sentry.Root, "h2", then);
        await using (var end = await TlsEnd.AcceptAsync(listener, credentials))
        {
            Assert.Equal("spiffe://public/ns/default/app1", end.Peer);
        }

        Assert.Contains("Verification: OK", await client.OutputAsync());
    }

    internal static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    internal static int Port(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static SslProtocols Version(string option) => option == "-tls1_2" ? SslProtocols.Tls12 : SslProtocols.Tls13;
}
