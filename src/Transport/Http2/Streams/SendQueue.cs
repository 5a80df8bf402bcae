using System.Diagnostics;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// The streams that have something to send and room in their own window, in the order of their turns. A stream that has used its turn goes
/// to the end, so that none starves when the connection's window or the socket is short. Linked through the streams: nothing is allocated.
/// </summary>
internal sealed class SendQueue
{
    private Http2Stream? _head;
    private Http2Stream? _tail;

    public bool IsEmpty => _head is null;

    public Http2Stream? Head => _head;

    /// <summary>No effect on a stream that is queued already.</summary>
    public void Enqueue(Http2Stream stream)
    {
        if (stream.IsInSendQueue)
        {
            return;
        }

        stream.IsInSendQueue = true;
        if (_tail is null)
        {
            _head = stream;
        }
        else
        {
            _tail.NextToSend = stream;
        }

        _tail = stream;
    }

    public void DequeueHead()
    {
        var head = _head;
        Debug.Assert(head is not null, "only a queue with a head is dequeued");
        _head = head.NextToSend;
        if (_head is null)
        {
            _tail = null;
        }

        head.NextToSend = null;
        head.IsInSendQueue = false;
    }

    public void RotateHead()
    {
        var head = _head;
        if (head is null || ReferenceEquals(head, _tail))
        {
            return;
        }

        DequeueHead();
        Enqueue(head);
    }

    /// <summary>Takes a stream out, wherever it is. Linear in the queue, and rare: only streams that fail while they wait.</summary>
    public void Remove(Http2Stream stream)
    {
        if (!stream.IsInSendQueue)
        {
            return;
        }

        Http2Stream? previous = null;
        for (var current = _head; !ReferenceEquals(current, stream); current = current.NextToSend)
        {
            Debug.Assert(current is not null, "a stream marked as queued is in the queue");
            previous = current;
        }

        if (previous is null)
        {
            DequeueHead();
            return;
        }

        previous.NextToSend = stream.NextToSend;
        if (ReferenceEquals(_tail, stream))
        {
            _tail = previous;
        }

        stream.NextToSend = null;
        stream.IsInSendQueue = false;
    }
}
