using System.Globalization;
using System.Text;

namespace FastSidecar.Commands.Bench;

/// <summary>
/// Sends requests and checks their answers on the one thread that calls <see cref="Run"/>. It has sockets and a poll of its own,
/// because the connections of Transport are served by one thread for the whole process, which here is the app's: answers would
/// wait for the app's work before their time is taken.
/// </summary>
internal sealed class LoadGenerator : IDisposable
{
    private const int ReceiveBytes = 64 * 1024;

    /// <summary>How long answers may take after the last request.</summary>
    private const double DrainSeconds = 5;

    /// <summary>An interrupt is noticed after this long at the latest.</summary>
    private const double MostWaitSeconds = 0.1;

    private readonly LoadPlan _plan;
    private readonly TimeProvider _time;
    private readonly LoadConnection[] _connections;
    private readonly NativeSocket.PollEntry[] _entries;
    private readonly Queue<LoadConnection> _free;
    private readonly byte[] _buffer = new byte[ReceiveBytes];

    /// <summary>Ticks from one request of the open loop to the next; 0 in a closed loop.</summary>
    private readonly double _interval;
    private readonly long[] _latencies;
    private readonly long[] _latenesses;
    private int _latencyCount;
    private int _latenessCount;
    private long _begin;
    private long _measureFrom;
    private long _end;
    private long _sent;
    private long _answered;

    /// <summary>Requests up to this one found no free connection when they were due.</summary>
    private long _waitedUpTo;
    private long _waited;

    /// <summary>Connects.</summary>
    public LoadGenerator(LoadPlan plan, TimeProvider time)
    {
        _plan = plan;
        _time = time;
        _interval = plan.Rate > 0 ? time.TimestampFrequency / (double)plan.Rate : 0;

        // One more than fall into the measured time on average: its ends are whole ticks.
        var most = plan.Rate > 0 ? (int)Math.Ceiling(plan.Rate * plan.Measured.TotalSeconds) + 1 : 0;
        _latencies = new long[most];
        _latenesses = new long[most];
        _connections = new LoadConnection[plan.Connections];
        _entries = new NativeSocket.PollEntry[plan.Connections];
        _free = new Queue<LoadConnection>(plan.Connections);
        var request = Request(plan);
        try
        {
            for (var i = 0; i < plan.Connections; i++)
            {
                _connections[i] = new LoadConnection(plan.Port, request, plan.Body);
                _entries[i].Descriptor = _connections[i].Descriptor;
                _free.Enqueue(_connections[i]);
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Warms up, measures, and waits for the last answers. Throws <see cref="BenchException"/> when an answer is wrong or
    /// missing, and OperationCanceledException.
    /// </summary>
    public LoadRun Run(CancellationToken interrupted)
    {
        NativeSocket.SetPreciseTimers();
        _begin = _time.GetTimestamp();
        _measureFrom = _begin + Ticks(_plan.WarmUp.TotalSeconds);
        _end = _measureFrom + Ticks(_plan.Measured.TotalSeconds);

        TurnUntil(_measureFrom, interrupted);
        var (cpuBefore, answeredBefore, measuredFrom) = (ReadCpu(), _answered, _time.GetTimestamp());
        TurnUntil(_end, interrupted);
        var (cpuAfter, answers, measured) = (ReadCpu(), _answered - answeredBefore, _time.GetElapsedTime(measuredFrom));
        Drain(interrupted);

        if (answers == 0 || (_interval > 0 && _latencyCount == 0))
        {
            throw new BenchException($"no answer came within the measured {_plan.Measured.TotalSeconds} s");
        }

        return new LoadRun(
            answers,
            answers / measured.TotalSeconds,
            _latencyCount,
            Quantiles.Of(_latencies.AsSpan(0, _latencyCount), _time.TimestampFrequency),
            Quantiles.Of(_latenesses.AsSpan(0, _latenessCount), _time.TimestampFrequency),
            _waited,
            Cpu(0),
            Cpu(1));

        double Cpu(int process) => (cpuAfter[process] - cpuBefore[process]) / 1000.0 / answers;
    }

    public void Dispose()
    {
        foreach (var connection in _connections)
        {
            connection?.Dispose();
        }
    }

    private static byte[] Request(LoadPlan plan)
    {
        var head = string.Create(
            CultureInfo.InvariantCulture,
            $"POST {plan.Target} HTTP/1.1\r\nHost: 127.0.0.1:{plan.Port}\r\nContent-Length: {plan.Body.Length}\r\n\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. plan.Body.Span];
    }

    private long Ticks(double seconds) => (long)(seconds * _time.TimestampFrequency);

    private void TurnUntil(long until, CancellationToken interrupted)
    {
        for (var now = _time.GetTimestamp(); now < until; now = _time.GetTimestamp())
        {
            SendDue(now);
            var next = _interval > 0 && _free.Count > 0 ? Math.Min(until, IntendedOf(_sent)) : until;
            Poll(next, interrupted);
        }
    }

    /// <summary>Requests that were due by the end still leave, and every answer has to come.</summary>
    private void Drain(CancellationToken interrupted)
    {
        var limit = _end + Ticks(DrainSeconds);
        while (true)
        {
            if (_interval > 0)
            {
                SendDue(_end - 1);
            }

            if (_free.Count == _connections.Length)
            {
                return;
            }

            if (_time.GetTimestamp() > limit)
            {
                var due = _interval > 0 ? (long)((_end - 1 - _begin) / _interval) + 1 : _sent;
                throw new BenchException(
                    $"{due - _answered} of {due} requests had no answer {DrainSeconds} s after the end: too many for this machine, or lost");
            }

            Poll(limit, interrupted);
        }
    }

    /// <summary>Requests are counted instead of queued: the intended time of each follows from its number.</summary>
    private long IntendedOf(long number) => _begin + (long)(number * _interval);

    /// <summary>Sends what is due, as far as there are free connections; in a closed loop a request is due when there is one.</summary>
    private void SendDue(long now)
    {
        if (_interval == 0)
        {
            while (_free.TryDequeue(out var connection))
            {
                _sent++;
                connection.Begin(_time.GetTimestamp());
            }

            return;
        }

        for (var intended = IntendedOf(_sent); intended <= now; intended = IntendedOf(_sent))
        {
            if (!_free.TryDequeue(out var connection))
            {
                _waitedUpTo = (long)((now - _begin) / _interval) + 1;
                return;
            }

            if (intended >= _measureFrom)
            {
                CountStart(intended);
            }

            _sent++;
            connection.Begin(intended);
        }
    }

    private void CountStart(long intended)
    {
        if (_sent < _waitedUpTo)
        {
            _waited++;
        }
        else
        {
            _latenesses[_latenessCount++] = _time.GetTimestamp() - intended;
        }
    }

    private void Poll(long until, CancellationToken interrupted)
    {
        interrupted.ThrowIfCancellationRequested();
        for (var i = 0; i < _entries.Length; i++)
        {
            _entries[i].Wanted = _connections[i].IsBlocked ? (short)(NativeSocket.Readable | NativeSocket.Writable) : NativeSocket.Readable;
        }

        var seconds = Math.Clamp((until - _time.GetTimestamp()) / (double)_time.TimestampFrequency, 0, MostWaitSeconds);
        if (NativeSocket.Wait(_entries, (long)(seconds * 1e9)) == 0)
        {
            return;
        }

        for (var i = 0; i < _entries.Length; i++)
        {
            if ((_entries[i].Happened & NativeSocket.Writable) != 0)
            {
                _connections[i].Flush();
            }

            // Readable, or broken, which reading tells.
            if ((_entries[i].Happened & ~NativeSocket.Writable) != 0 && _connections[i].Receive(_buffer))
            {
                OnAnswer(_connections[i]);
            }
        }
    }

    private void OnAnswer(LoadConnection connection)
    {
        var now = _time.GetTimestamp();
        _answered++;
        if (_interval > 0 && connection.Intended >= _measureFrom)
        {
            _latencies[_latencyCount++] = now - connection.Intended;
        }

        if (_interval == 0 && now < _end)
        {
            _sent++;
            connection.Begin(now);
            return;
        }

        _free.Enqueue(connection);
    }

    private long[] ReadCpu() => [ReadCpu(_plan.CallerProcess), ReadCpu(_plan.CalleeProcess)];

    private static long ReadCpu(int process) => NativeProcess.CpuNanoseconds(process) is var time and >= 0
        ? time
        : throw new BenchException($"the sidecar with process id {process} has ended");
}
