using System.Collections.Concurrent;
using FastSidecar.Transport.Http2;
using Xunit;
using static FastSidecar.Transport.Tests.Http2.Wire;

namespace FastSidecar.Transport.Tests.Http2;

public sealed class AbortedTokenTests
{
    [Fact]
    public async Task OneTokenServesRequestAfterRequest_UntilItIsCancelled()
    {
        var tokens = new ConcurrentQueue<CancellationToken>();
        await using var peer = ScriptedPeer.AsClient(async stream =>
        {
            tokens.Enqueue(stream.Aborted);
            try
            {
                await stream.ReadAllAsync();
                stream.WriteHead(Heads.Response(), endStream: true);
            }
            catch (Http2StreamException)
            {
                // Reset by the peer.
            }
        });
        await peer.HandshakeAsync();
        await AnsweredAsync(peer, 1);
        await AnsweredAsync(peer, 3);
        await peer.SendAsync(Request(5, false), Reset(5, (uint)Http2ErrorCode.Cancel));
        await peer.ExpectAliveAsync();
        await AnsweredAsync(peer, 7);

        var seen = tokens.ToArray();
        Assert.Equal(4, seen.Length);
        Assert.Equal(seen[0], seen[1]);
        Assert.Equal(seen[0], seen[2]);
        Assert.True(seen[2].IsCancellationRequested, "the token of the stream that was reset");
        Assert.False(seen[3].IsCancellationRequested, "the token of the request after it");
    }

    private static async Task AnsweredAsync(ScriptedPeer peer, int id)
    {
        await peer.SendAsync(Request(id, true));
        await peer.ExpectHeadersAsync(id);
        await peer.ExpectAliveAsync();
    }
}
