using System.Diagnostics;

namespace FastSidecar.Transport.Http2.Streams;

/// <summary>
/// The open streams of a connection by id: open addressing with linear probing, no allocation once it has grown. Ids of one connection are
/// all odd and come in order, so half of the id is already a good hash.
/// </summary>
internal sealed class StreamTable
{
    private const int InitialSlots = 16;

    private Http2Stream?[] _slots = new Http2Stream?[InitialSlots];

    /// <summary>
    /// Streams that are not at their own place. Without any, as ids come in order, a hole hides nobody: the streams behind it, which may be
    /// all of the connection's, need not be looked at.
    /// </summary>
    private int _displaced;

    public int Count { get; private set; }

    public Http2Stream? Find(int id)
    {
        var mask = _slots.Length - 1;
        for (var i = (id >> 1) & mask; _slots[i] is { } stream; i = (i + 1) & mask)
        {
            if (stream.Id == id)
            {
                return stream;
            }
        }

        return null;
    }

    public void Add(Http2Stream stream)
    {
        Debug.Assert(stream.Id > 0 && Find(stream.Id) is null, "a stream is added once, with its id");
        if (++Count * 2 > _slots.Length)
        {
            Grow();
        }

        Place(stream);
    }

    public bool Remove(Http2Stream stream)
    {
        var mask = _slots.Length - 1;
        var hole = (stream.Id >> 1) & mask;
        while (!ReferenceEquals(_slots[hole], stream))
        {
            if (_slots[hole] is null)
            {
                return false;
            }

            hole = (hole + 1) & mask;
        }

        if (hole != ((stream.Id >> 1) & mask))
        {
            _displaced--;
        }

        // Close the hole: whoever comes behind it and could not sit nearer to its own place moves up.
        for (var i = (hole + 1) & mask; _displaced > 0 && _slots[i] is { } candidate; i = (i + 1) & mask)
        {
            var home = (candidate.Id >> 1) & mask;
            if (((i - home) & mask) >= ((i - hole) & mask))
            {
                if (hole == home)
                {
                    _displaced--;
                }

                _slots[hole] = candidate;
                hole = i;
            }
        }

        _slots[hole] = null;
        Count--;
        return true;
    }

    /// <summary>Copies the open streams, so that they can be closed while looking at them.</summary>
    public Http2Stream[] ToArray()
    {
        var streams = new Http2Stream[Count];
        var next = 0;
        foreach (var stream in _slots)
        {
            if (stream is not null)
            {
                streams[next++] = stream;
            }
        }

        return streams;
    }

    private void Place(Http2Stream stream)
    {
        var mask = _slots.Length - 1;
        var home = (stream.Id >> 1) & mask;
        var i = home;
        while (_slots[i] is not null)
        {
            i = (i + 1) & mask;
        }

        _slots[i] = stream;
        if (i != home)
        {
            _displaced++;
        }
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new Http2Stream?[old.Length * 2];
        _displaced = 0;
        foreach (var stream in old)
        {
            if (stream is not null)
            {
                Place(stream);
            }
        }
    }
}
