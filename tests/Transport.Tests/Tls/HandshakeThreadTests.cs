using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>
/// A handshake costs more than a millisecond, and with inline completions it runs where the transport's reads complete: on the socket
/// thread, in front of every other request. A transport that leaves that thread after each read, as long as the handshake lasts, moves it
/// to the thread pool.
/// </summary>
public class HandshakeThreadTests
{
    [OpenSslTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Peer_IsJudgedOffTheReadingThread_OnlyWhenReadsLeaveIt(bool leaves)
    {
        using var ca = new TestCa(KeyKind.Ed25519);
        using var listener = MutualHandshakeTests.Listen();
        var connecting = new TcpClient();
        var connected = connecting.ConnectAsync(IPAddress.Loopback, MutualHandshakeTests.Port(listener));
        using var accepted = await listener.AcceptTcpClientAsync().Within("a connection");
        await connected.Within("a connection");

        using var thread = new SocketThread();
        Thread? judge = null;
        using var ours = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root) { OnJudge = () => judge = Thread.CurrentThread };
        using var theirs = new SpiffeCredentials(ca.Issue(KeyKind.P256), ca.Root);
        var serving = TlsEnd.ServerAsync(new InlineStream(accepted.GetStream(), thread, leaves), ours);
        await using var client = await TlsEnd.ClientAsync(connecting.GetStream(), theirs, "/ns/default/app1");
        await using var server = await serving.Within("a handshake");
        Assert.NotNull(judge);
        Assert.Equal(!leaves, judge == thread.Thread);
        Assert.Equal(leaves, judge.IsThreadPoolThread);
    }

    /// <summary>Stands for the one thread that polls sockets: it reads, then runs the continuation itself.</summary>
    private sealed class SocketThread : IDisposable
    {
        private readonly BlockingCollection<Action> _work = [];

        public SocketThread()
        {
            Thread = new Thread(() =>
            {
                foreach (var work in _work.GetConsumingEnumerable())
                {
                    work();
                }
            }) { IsBackground = true };
            Thread.Start();
        }

        public Thread Thread { get; }

        public void Post(Action work) => _work.Add(work);

        public void Dispose() => _work.CompleteAdding();
    }

    private sealed class InlineStream(NetworkStream inner, SocketThread thread, bool leaves) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = new TaskCompletionSource<int>();
            thread.Post(() =>
            {
                try
                {
                    read.SetResult(inner.Read(buffer.Span));
                }
                catch (IOException failure)
                {
                    read.SetException(failure);
                }
            });
            var count = await read.Task;
            if (leaves)
            {
                await Task.Yield();
            }

            return count;
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) =>
            inner.WriteAsync(buffer, cancellationToken);

        public override void Flush() => inner.Flush();

        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
