using System.IO.Pipelines;

namespace FastSidecar.Transport.Http2;

/// <summary>Takes the streams that a client opens. Called on the connection's read loop after the batch that completed the request head was parsed.</summary>
public interface IHttp2StreamHandler
{
    /// <summary>Owns <paramref name="stream"/> from here and must dispose it. Must not block; may run synchronously as long as data is there.</summary>
    void OnStream(Http2Stream stream);
}

/// <summary>One HTTP/2 connection in either role over any duplex pipe (RFC 9113).</summary>
public sealed class Http2Connection : IAsyncDisposable
{
    private Http2Connection()
    {
    }

    /// <summary>A client connection: sends preface and SETTINGS at once.</summary>
    public static Http2Connection StartClient(IDuplexPipe transport, Http2Options options, TimeProvider time) => throw new NotImplementedException();

    /// <summary>A server connection; the client preface has not been read from <paramref name="transport"/> yet.</summary>
    public static Http2Connection StartServer(IDuplexPipe transport, Http2Options options, IHttp2StreamHandler handler, TimeProvider time) =>
        throw new NotImplementedException();

    /// <summary>Completes when the connection has ended, never faulted; <see cref="Failure"/> says why.</summary>
    public Task Closed => throw new NotImplementedException();

    /// <summary>Why the connection ended; null while it lives and after an orderly end.</summary>
    public Exception? Failure => throw new NotImplementedException();

    /// <summary>Client: completes when the peer's SETTINGS have arrived; faults when the connection ends before.</summary>
    public Task Ready => throw new NotImplementedException();

    /// <summary>Streams that are open now (RFC 9113 §5.1.2).</summary>
    public int ActiveStreams => throw new NotImplementedException();

    /// <summary>Client: how many streams the peer lets us have open at once.</summary>
    public int MaxStreams => throw new NotImplementedException();

    /// <summary>Client: a stream could be opened: alive, told nothing to the contrary by GOAWAY, ids left and room below <see cref="MaxStreams"/>.</summary>
    public bool CanOpenStream => throw new NotImplementedException();

    /// <summary>Client: takes a slot and returns a stream that has sent nothing yet. False when <see cref="CanOpenStream"/> is.</summary>
    public bool TryOpenStream(out Http2Stream stream) => throw new NotImplementedException();

    /// <summary>Stops taking new streams (GOAWAY), lets the open ones finish, then closes. Completes with <see cref="Closed"/>.</summary>
    public Task DrainAsync() => throw new NotImplementedException();

    /// <summary>Ends at once with GOAWAY.</summary>
    public void Abort(Http2ErrorCode errorCode, string debugText) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
