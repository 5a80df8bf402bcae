namespace FastSidecar.Load;

/// <summary>A connection of the generator. It belongs to the generator's one thread.</summary>
internal abstract class Connection : IDisposable
{
    /// <summary>How many requests may be in flight at once.</summary>
    public abstract int Slots { get; }

    /// <summary>Sends a request, as far as the socket takes it.</summary>
    /// <param name="ticket">Comes back with the answer.</param>
    public abstract void Begin(in Ticket ticket);

    public abstract void OnReadable();

    public abstract void OnWritable();

    public abstract void Dispose();
}

/// <summary>A request on its way.</summary>
/// <param name="Number">Counts from 0 through the run.</param>
/// <param name="Intended">When it was to leave: latency counts from here. In a closed loop, when it left.</param>
internal readonly record struct Ticket(long Number, long Intended);

/// <summary>Is told of every answer.</summary>
internal interface IAnswers
{
    public void OnAnswer(Connection connection, in Ticket ticket, in Answer answer);

    /// <summary>A socket was taken up again because the server had closed it while nothing was in flight.</summary>
    public void OnReconnect();
}
