namespace FastSidecar.Transport.Sockets;

/// <summary>
/// One stretch of work of a thread: a read batch, a finished flush, a call from outside. What becomes ready during it runs at its end, and
/// every connection that was written to is flushed once, after that. So the frames of one batch of requests leave together, on whichever
/// connections they were written, and continuations never nest.
/// </summary>
internal sealed class Turn
{
    [ThreadStatic]
    private static Turn? t_current;

    private ITurnMember?[] _members = new ITurnMember?[4];
    private int _count;

    /// <summary>The turn of this thread, running or not.</summary>
    public static Turn Current => t_current ??= new Turn();

    public bool IsRunning { get; private set; }

    /// <summary>Begins; false when the thread is in a turn already, at whose end all will be settled.</summary>
    public bool TryBegin()
    {
        if (IsRunning)
        {
            return false;
        }

        IsRunning = true;
        return true;
    }

    /// <summary>The member has something ready or to flush.</summary>
    public void Add(ITurnMember member)
    {
        for (var i = 0; i < _count; i++)
        {
            if (ReferenceEquals(_members[i], member))
            {
                return;
            }
        }

        if (_count == _members.Length)
        {
            Array.Resize(ref _members, _count * 2);
        }

        _members[_count++] = member;
    }

    /// <summary>Runs what is ready and flushes, until nothing is left.</summary>
    public void End()
    {
        try
        {
            bool worked;
            do
            {
                worked = false;
                for (var i = 0; i < _count; i++)
                {
                    if (_members[i]!.HasReady)
                    {
                        _members[i]!.RunReady();
                        worked = true;
                    }
                }

                // Only when nobody has more to add.
                for (var i = 0; i < _count && !worked; i++)
                {
                    if (_members[i]!.IsFlushDue)
                    {
                        _members[i]!.Flush();
                        worked = true;
                    }
                }
            }
            while (worked);
        }
        finally
        {
            Array.Clear(_members, 0, _count);
            _count = 0;
            IsRunning = false;
        }
    }
}
