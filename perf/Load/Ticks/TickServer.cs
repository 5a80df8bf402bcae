using System.Net;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using FastSidecar.Transport.Sockets;

namespace FastSidecar.Load.Ticks;

/// <summary>
/// The app of the ticker: on every stream it says numbers, one after the other, at the rate that it was started with, until the client ends
/// its side. A stream whose client does not read is left out until it does.
/// </summary>
internal sealed class TickServer : IHttp2StreamHandler
{
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(2);

    private readonly double _perSecond;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly List<TickStream> _streams = [];

    /// <param name="perSecond">Ticks on each stream.</param>
    /// <param name="time">The clock.</param>
    public TickServer(double perSecond, TimeProvider time)
    {
        _perSecond = perSecond;
        _time = time;
    }

    /// <summary>Serves until the token is cancelled.</summary>
    public async Task RunAsync(int port, CancellationToken cancellationToken)
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, port), _time);
        var options = new Http2Options { MaxConcurrentStreams = 2000 };
        listener.Start(socket => Http2Connection.StartServer(socket, options, this, _time));
        using var timer = new PeriodicTimer(Period, _time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancellationToken))
            {
                Tick();
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    public void OnStream(Http2Stream stream)
    {
        var head = new HeaderList();
        head.Add(":status"u8, "200"u8);
        head.Add("content-type"u8, "application/grpc"u8);
        stream.WriteHead(head, endStream: false);
        stream.Flush();
        var ticks = new TickStream(stream, _time);
        lock (_gate)
        {
            _streams.Add(ticks);
        }

        ticks.StartDrain();
    }

    private void Tick()
    {
        lock (_gate)
        {
            // Backwards, since the ended ones leave; sending can end one on this very thread.
            for (var i = _streams.Count - 1; i >= 0; i--)
            {
                var stream = _streams[i];
                if (stream.IsDrained)
                {
                    _streams.RemoveAt(i);
                    stream.End();
                }
                else
                {
                    stream.Send(_perSecond);
                }
            }
        }
    }
}
