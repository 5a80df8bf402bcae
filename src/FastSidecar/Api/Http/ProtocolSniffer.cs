using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace FastSidecar.Api.Http;

/// <summary>
/// Tells HTTP/2 with prior knowledge from HTTP/1.1 on one cleartext port by the first bytes, without a timer: no HTTP/1.1 request begins
/// with the HTTP/2 preface (RFC 9113 §3.4), so the first byte that differs decides. Bytes looked at are given back unread. A first request with
/// <c>Upgrade: h2c</c> makes the connection HTTP/2 too.
/// </summary>
internal static class ProtocolSniffer
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>How long a new connection may stay silent (dapr pkg/api/http/server.go v1.18.3: ReadHeaderTimeout, which Go counts from the accept).</summary>
    private static readonly TimeSpan FirstBytesPatience = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Connection middleware: HTTP/2 connections go to <paramref name="http2"/> where there is one, all others on to Kestrel. One that says
    /// nothing is closed, as is one that is <see cref="Opening.CutOff"/>.
    /// </summary>
    public static ConnectionDelegate Split(ConnectionDelegate http1, ConnectionDelegate? http2, TimeProvider time) =>
        async connection =>
        {
            // A server that stops cannot wait for a connection to say something: it goes on as HTTP/1.1, which Kestrel closes then.
            var stopping = connection.Features.Get<IConnectionLifetimeNotificationFeature>()?.ConnectionClosedRequested ?? CancellationToken.None;
            var silence = new Silence(connection.Transport.Input);
            var opening = Opening.Http1;
            await using (stopping.UnsafeRegister(static input => ((PipeReader)input!).CancelPendingRead(), connection.Transport.Input))
            await using (time.CreateTimer(static silence => ((Silence)silence!).End(), silence, FirstBytesPatience, Timeout.InfiniteTimeSpan))
            {
                opening = await ReadOpeningAsync(connection.Transport.Input, upgrades: http2 is not null);
                if (opening.Upgrade is { } head)
                {
                    opening = await H2cUpgrade.AcceptAsync(connection, head, time);
                }
            }

            if (silence.TooLong || opening.IsCutOff)
            {
                return; // which closes the connection
            }

            await (opening.IsHttp2 && http2 is not null ? http2 : http1)(connection);
        };

    /// <summary>Waits until the bytes that have come decide. A connection that ends before is HTTP/1.1's to deal with.</summary>
    /// <param name="input">What is looked at stays unread there, but for the head of an upgrade.</param>
    /// <param name="upgrades">
    /// A first request that asks for HTTP/2, and whose head is there with the first bytes, is told apart too; it is never waited for. Not
    /// when the read was canceled: a server that stops waits for no body either.
    /// </param>
    internal static async ValueTask<Opening> ReadOpeningAsync(PipeReader input, bool upgrades)
    {
        var examined = 0L;
        while (true)
        {
            ReadResult result;
            try
            {
                result = await input.ReadAsync(CancellationToken.None);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or ConnectionAbortedException)
            {
                return Opening.Http1;
            }

            var match = Match(result.Buffer);
            var undecided = match == PrefaceMatch.Partial && !result.IsCompleted && !result.IsCanceled;
            if (!undecided)
            {
                if (upgrades && !result.IsCanceled && match == PrefaceMatch.None && H2cUpgradeHead.Find(result.Buffer) is { } head)
                {
                    input.AdvanceTo(result.Buffer.GetPosition(head.Bytes));
                    return new Opening(IsHttp2: false, head);
                }

                // What an earlier read has examined stays so: a pipe does not take that back. What came since makes the next read return at once.
                input.AdvanceTo(result.Buffer.Start, result.Buffer.GetPosition(examined));
                return match == PrefaceMatch.Whole ? Opening.Http2 : Opening.Http1;
            }

            examined = result.Buffer.Length;
            input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        }
    }

    internal enum PrefaceMatch
    {
        None,
        Partial,
        Whole,
    }

    internal static PrefaceMatch Match(in ReadOnlySequence<byte> buffer)
    {
        var expected = Preface;
        foreach (var segment in buffer)
        {
            var length = Math.Min(segment.Length, expected.Length);
            if (!segment.Span[..length].SequenceEqual(expected[..length]))
            {
                return PrefaceMatch.None;
            }

            expected = expected[length..];
            if (expected.IsEmpty)
            {
                return PrefaceMatch.Whole;
            }
        }

        return PrefaceMatch.Partial;
    }

    /// <summary>What a connection begins with. An <see cref="Upgrade"/> has been read; the body that it announces has not.</summary>
    internal readonly record struct Opening(bool IsHttp2, H2cUpgradeHead? Upgrade, bool IsCutOff = false)
    {
        public static Opening Http1 => default;

        public static Opening Http2 => new(IsHttp2: true, Upgrade: null);

        /// <summary>A part of a request has been read and the rest will not come: nobody may go on reading, the connection is closed.</summary>
        public static Opening CutOff => new(IsHttp2: false, Upgrade: null, IsCutOff: true);
    }

    private sealed class Silence(PipeReader input)
    {
        public bool TooLong { get; private set; }

        public void End()
        {
            TooLong = true;
            input.CancelPendingRead();
        }
    }
}
