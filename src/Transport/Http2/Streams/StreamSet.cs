using System.Diagnostics;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// The streams of one connection: the open ones by id, what is remembered of closed ones, and free objects for the next. Guarded by the
/// connection's lock.
/// </summary>
internal sealed class StreamSet
{
    /// <summary>Stream objects kept for reuse, about 5 KiB each: those of the most streams that a connection has had at once.</summary>
    private const int MaxFree = 1024;

    private readonly Http2Connection _connection;
    private readonly TimeProvider _time;
    private readonly StreamTable _open = new();
    private readonly ClosedStreams _closed = new();
    private readonly Http2Stream[] _free = new Http2Stream[MaxFree];
    private int _freeCount;
    private int _active;
    private long _idleSince;

    public StreamSet(Http2Connection connection, TimeProvider time)
    {
        _connection = connection;
        _time = time;
        _idleSince = time.GetTimestamp();
    }

    /// <summary>
    /// Streams that take up a slot: open ones, and a client's that were rented and have not sent HEADERS. May be read without the lock.
    /// </summary>
    public int Active => Volatile.Read(ref _active);

    /// <summary>Streams whose caller has not disposed them, or that still have something to send.</summary>
    public int Rented { get; private set; }

    /// <summary>Server: the highest id that the client used.</summary>
    public int HighestPeerId { get; private set; }

    /// <summary>Client: the id of the next stream; negative when there are none left.</summary>
    public int NextId { get; private set; } = 1;

    /// <summary>Since when there is no stream.</summary>
    public long IdleSince => _idleSince;

    public Http2Stream? Find(int id) => _open.Find(id);

    public ClosedStreamFact FindClosed(int id) => _closed.Find(id);

    /// <summary>The stream was open at some time.</summary>
    public bool HasOpened(int id) => (id & 1) == 1 && (_connection.IsServer ? id <= HighestPeerId : id < NextId);

    /// <summary>The open streams, copied, so that they can be closed while looking at them.</summary>
    public Http2Stream[] ToArray() => _open.ToArray();

    /// <summary>Takes a slot.</summary>
    public Http2Stream Rent()
    {
        _active++;
        Rented++;
        Http2Stream stream;
        if (_freeCount > 0)
        {
            stream = _free[--_freeCount];
            _free[_freeCount] = null!;
        }
        else
        {
            stream = new Http2Stream(_connection);
        }

        stream.RentUnsynchronized();
        return stream;
    }

    /// <summary>Server: the client used this id; whether a stream comes of it is decided afterwards.</summary>
    public void SawPeerId(int id)
    {
        Debug.Assert(id > HighestPeerId, "ids rise");
        HighestPeerId = id;
    }

    /// <summary>Client: the next id.</summary>
    public int TakeId()
    {
        var id = NextId;
        NextId += 2; // wraps to negative after the last one
        return id;
    }

    public void Open(Http2Stream stream, int id, int sendWindowBytes, int receiveWindowBytes)
    {
        stream.OpenUnsynchronized(id, sendWindowBytes, receiveWindowBytes);
        _open.Add(stream);
    }

    /// <summary>The stream gives up its slot; its caller may still hold it.</summary>
    public void Close(Http2Stream stream, bool resetHere)
    {
        if (stream.Id != 0)
        {
            _open.Remove(stream);
            _closed.Add(stream.Id, resetHere);
        }

        if (--_active == 0)
        {
            _idleSince = _time.GetTimestamp();
        }
    }

    /// <summary>Server: a stream that was rented for a request and is not needed.</summary>
    public void TakeBack(Http2Stream stream)
    {
        _active--;
        stream.AbandonUnsynchronized();
    }

    /// <summary>Server: no stream comes of this id; late frames for it are ignored.</summary>
    public void RememberRefused(int id) => _closed.Add(id, resetHere: true);

    /// <summary>Nobody uses the object any more.</summary>
    public void Recycle(Http2Stream stream, bool keep)
    {
        Rented--;
        if (keep && _freeCount < MaxFree)
        {
            _free[_freeCount++] = stream;
        }
    }

    /// <summary>Lets go of the free objects.</summary>
    public void Trim()
    {
        Array.Clear(_free, 0, _freeCount);
        _freeCount = 0;
    }
}
