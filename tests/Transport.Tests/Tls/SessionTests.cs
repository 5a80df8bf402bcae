using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>A resumed session brings no certificate: whoever resumes is not proven again. So neither end of ours does.</summary>
public class SessionTests
{
    private const string PeerPath = "/ns/default/app1";

    [OpenSslTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_ResumesOnlyWhereAllowed(bool resume)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        await using var server = OpenSslPeer.Serve(ca.Issue(KeyKind.Ed25519), ca.Root, "h2", "-tls1_3");
        var port = await server.Port.Within("a port");

        // The runtime offers a session from the third connection on. It tells a resumed one only by this: we showed no certificate in it.
        var showed = new List<bool>();
        for (var connection = 0; connection < 3; connection++)
        {
            await using var end = await TlsEnd.ConnectAsync(port, credentials, PeerPath, resume);
            showed.Add(end.Stream.IsMutuallyAuthenticated);

            // The server's tickets come with its first bytes.
            await end.WriteLineAsync("abc");
            Assert.Equal("cba", await end.ReadLineAsync());
        }

        Assert.Equal([true, true, !resume], showed);
    }

    [OpenSslFact]
    public async Task Server_GivesTicketsThatDoNotResume()
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var credentials = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        using var listener = MutualHandshakeTests.Listen();
        var leaf = ca.Issue(KeyKind.Ed25519);
        var session = leaf.Name + ".session";
        var first = await OutputAsync("-sess_out");
        Assert.Contains("New, TLSv1.3", first);
        Assert.True(File.Exists(session), "the first connection got no ticket, so the second proves nothing");
        Assert.Contains("New, TLSv1.3", await OutputAsync("-sess_in"));

        async Task<string> OutputAsync(string option)
        {
            await using var client = OpenSslPeer.Connect(
                MutualHandshakeTests.Port(listener), leaf, ca.Root, "h2", "-tls1_3", option, session);
            await client.SendAsync("ping");
            await using (var end = await TlsEnd.AcceptAsync(listener, credentials))
            {
                Assert.Equal(TestCa.SpiffeId, end.Peer);
                Assert.Equal("ping", await end.ReadLineAsync());
                await end.WriteLineAsync("pong");
            }

            return await client.OutputAsync();
        }
    }
}
