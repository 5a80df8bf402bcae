namespace FastSidecar.Transport.Http2.Streams;

/// <summary>Streams with <see cref="StreamWork"/> to run once the connection's lock is free. Linked through the streams.</summary>
internal sealed class ReadyQueue
{
    private Http2Stream? _head;
    private Http2Stream? _tail;

    public bool IsEmpty => _head is null;

    public void Add(Http2Stream stream, StreamWork work)
    {
        if (stream.Work != StreamWork.None)
        {
            stream.Work |= work;
            return;
        }

        stream.Work = work;
        if (_tail is null)
        {
            _head = stream;
        }
        else
        {
            _tail.NextReady = stream;
        }

        _tail = stream;
    }

    public bool TryTake(out Http2Stream stream, out StreamWork work)
    {
        if (_head is not { } head)
        {
            stream = null!;
            work = StreamWork.None;
            return false;
        }

        stream = head;
        work = head.Work;
        _head = head.NextReady;
        if (_head is null)
        {
            _tail = null;
        }

        head.NextReady = null;
        head.Work = StreamWork.None;
        return true;
    }
}
