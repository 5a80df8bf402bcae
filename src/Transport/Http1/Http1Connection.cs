using System.IO.Pipelines;
using System.Net;

namespace FastSidecar.Transport.Http1;

/// <summary>A pooled connection and the objects its exchanges use again. It is in use by one exchange, or idle and watched.</summary>
internal sealed class Http1Connection
{
    private readonly Http1Wire _wire;
    private readonly Http1ConnectionPool _pool;
    private int _closed;
    private int _inUse;
    private volatile bool _requestComplete;
    private volatile bool _responseComplete;
    private bool _keepAlive;

    public Http1Connection(Http1Wire wire, Http1ConnectionPool pool, int maxHeadBytes)
    {
        _wire = wire;
        _pool = pool;
        MaxTrailerBytes = maxHeadBytes;
        Reader = new WatchedReader(wire.Pipe.Input, OnNews);
        Body = new RequestBodyWriter(wire.Pipe.Output);
        Head = new ResponseHead(maxHeadBytes);
        Response = new ResponseBodyReader(this);
        Exchange = new Http1Exchange(this);
    }

    public Http1Exchange Exchange { get; }

    public WatchedReader Reader { get; }

    public PipeWriter Output => _wire.Pipe.Output;

    public RequestBodyWriter Body { get; }

    public ResponseHead Head { get; }

    public ResponseBodyReader Response { get; }

    public EndPoint? LocalEndPoint => _wire.LocalEndPoint;

    public EndPoint? RemoteEndPoint => _wire.RemoteEndPoint;

    public int MaxTrailerBytes { get; }

    public bool IsClosed => Volatile.Read(ref _closed) != 0;

    /// <summary>Exchanges that ended well on it.</summary>
    public int Served { get; private set; }

    /// <summary>The pool's: when it became idle.</summary>
    public long IdleSince { get; set; }

    /// <summary>Nothing was asked on it since it was rented.</summary>
    private bool IsUntouched => !Body.Sent && !IsClosed && Output is { CanGetUnflushedBytes: true, UnflushedBytes: 0 };

    /// <summary>
    /// Provably, no server has read anything of the exchange that failed: the connection had ended before it. Never of a connection's first
    /// exchange: a server that hangs up on that one would hang up again.
    /// </summary>
    private bool IsUnread => Served > 0 && !Head.Began && !IsClosed && (!Body.Sent || _wire.RefusedBehind?.Invoke(Body.SentBefore) == true);

    /// <summary>The pool's: an exchange begins.</summary>
    public Http1Connection Rent()
    {
        Volatile.Write(ref _inUse, 1);
        return this;
    }

    public void OnRequestComplete() => _requestComplete = true;

    /// <summary>The head is known: whether the connection can be kept, and where the body ends.</summary>
    public void OnHead(ResponseFraming framing)
    {
        _keepAlive = !framing.Close;
        Response.Begin(framing);
        if (framing.Kind == ResponseBodyKind.None)
        {
            OnResponseComplete();
        }
    }

    public void OnResponseComplete()
    {
        _responseComplete = true;
        if (!_keepAlive)
        {
            // The server goes: what is left of the request cannot change its answer any more.
            Body.StopServer();
        }
    }

    /// <summary>The connection ended before a byte of a response.</summary>
    public Http1ResponseException NoResponseFault() => ResponseFaults.ClosedBeforeResponse(IsUnread);

    public Http1ResponseException ReadFault(IOException cause, bool inHead) =>
        ResponseFaults.Reset(cause, inHead, LocalEndPoint, RemoteEndPoint, neverReceived: !Body.Sent && IsUnread);

    /// <summary>The exchange is over: back to the pool if request and response ended and the server keeps the connection, closed otherwise.</summary>
    public void Release()
    {
        if (Interlocked.Exchange(ref _inUse, 0) == 0)
        {
            return;
        }

        if (IsUntouched)
        {
            _pool.Return(this);
            return;
        }

        if (!_requestComplete || !_responseComplete || !_keepAlive || Body.ServerStopped || IsClosed)
        {
            // Another flow may still hold memory of the pipes, so they are not completed: their blocks are left to the collector.
            Close();
            _pool.FreePlace();
            return;
        }

        Served++;
        _requestComplete = false;
        _responseComplete = false;
        Head.Reset();
        Body.Reset();
        _pool.Return(this);
    }

    /// <summary>Closes with a FIN; pending operations end.</summary>
    public void Close()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            Body.Close();
            _wire.Close();
        }
    }

    /// <summary>Closes a connection nobody uses, and gives its buffers back.</summary>
    public void CloseIdle()
    {
        Close();
        Reader.Complete();
        Output.Complete();
    }

    private void OnNews() => _pool.OnNews(this);
}
