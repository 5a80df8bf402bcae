using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Load.Ticks;

/// <summary>One stream of the server.</summary>
internal sealed class TickStream(Http2Stream stream, TimeProvider time)
{
    private readonly long _began = time.GetTimestamp();
    private long _sent;
    private ValueTask<System.IO.Pipelines.FlushResult> _flush;
    private bool _isFlushing;
    private Task _drain = Task.CompletedTask;

    /// <summary>Says what is due by now. Nothing while the last piece has not left: what was missed is said later.</summary>
    public void Send(double perSecond)
    {
        if (_isFlushing && !_flush.IsCompleted)
        {
            return;
        }

        try
        {
            if (_isFlushing)
            {
                _isFlushing = false;
                _flush.GetAwaiter().GetResult();
            }

            var due = (long)(time.GetElapsedTime(_began).TotalSeconds * perSecond);
            if (due == _sent)
            {
                return;
            }

            for (; _sent < due; _sent++)
            {
                TickMessage.Write(stream.Output, _sent);
            }

#pragma warning disable CA2012 // One consumer, once: the next call.
            _flush = stream.Output.FlushAsync();
#pragma warning restore CA2012
            _isFlushing = true;
        }
        catch (IOException)
        {
            // The client is gone; the reading side sees it too.
        }
    }

    /// <summary>The client has ended its side, or is gone.</summary>
    public bool IsDrained => _drain.IsCompleted;

    /// <summary>Reads what the client says.</summary>
    public void StartDrain() => _drain = DrainAsync();

    private async Task DrainAsync()
    {
        try
        {
            while (true)
            {
                var read = await stream.Input.ReadAsync();
                stream.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return;
                }
            }
        }
        catch (IOException)
        {
            // The client is gone.
        }
    }

    /// <summary>Ends the call with status OK, if the client is still there.</summary>
    public void End()
    {
        var trailers = new HeaderList();
        trailers.Add("grpc-status"u8, "0"u8);
        try
        {
            stream.End(trailers);
            stream.Flush();
        }
        catch (IOException)
        {
            // It is gone.
        }

        stream.Dispose();
    }
}
