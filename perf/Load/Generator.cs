namespace FastSidecar.Load;

/// <summary>
/// Sends requests and checks their answers: one thread, one poller, no allocation while it runs. In an open loop requests leave when
/// they are due; one that finds no free connection waits, and the wait counts, because its latency begins with the intended time. In a
/// closed loop every answer makes the next request.
/// </summary>
internal sealed class Generator : IAnswers, IDisposable
{
    /// <summary>How long answers may take after the last request.</summary>
    private const long DrainLimit = 10 * Clock.Second;

    /// <summary>Requests that wait for a connection; more means that the rate is far beyond what the server can do.</summary>
    private const int WaitingLimit = 1 << 20;

    /// <summary>After the processes were read, which takes a moment, until latencies count.</summary>
    private const long Settling = Clock.Second / 200;

    private const int BufferSize = 256 * 1024;

    private readonly LoadOptions _options;
    private readonly Poller _poller = new();
    private readonly Connection[] _connections;
    private readonly Queue<Connection> _free;
    private readonly Queue<Ticket> _waiting = new();
    private readonly LatencyHistogram _latency = new();
    private readonly LatencyHistogram _lateness = new();
    private readonly Answer? _expected;
    private readonly long _bodyBytes;
    private readonly long _requestLimit;
    private long _recordFrom = long.MaxValue;
    private long _recordUntil = long.MaxValue;
    private bool _issuing = true;
    private long _sent;
    private long _answered;
    private long _counted;
    private long _bytes;
    private long _queued;
    private long _reconnects;

    public Generator(LoadOptions options)
    {
        if (options is { Grpc: true, ChunkBytes: > 0 })
        {
            throw new LoadException("--chunked is for HTTP/1.1: the messages of gRPC have a framing of their own");
        }

        _options = options;
        var target = LoadTarget.Parse(options.Url, options.Targets);
        _expected = options.ExpectBody is { } length ? new Answer(options.Status, length, Body.Hash(Body.Make(length))) : null;
        _bodyBytes = options.BodyBytes;
        _requestLimit = options.Requests ?? long.MaxValue;
        _connections = options.Grpc ? GrpcConnections(target) : Http1Connections(target);

        // Every connection once before any twice, so that few requests spread over many connections.
        _free = new Queue<Connection>(Enumerable.Range(0, _connections[0].Slots).SelectMany(_ => _connections));
    }

    private bool HasAllAnswers => _answered >= _requestLimit;

    /// <param name="measuring">Called when the warm-up is over, with the answers so far.</param>
    public LoadResult Run(Action<long> measuring)
    {
        Native.TimersWithoutSlack();
        var start = Clock.Now;
        var readAt = start + Nanoseconds(_options.WarmUpSeconds);
        var arrivals = _options.Rate is { } rate ? new Arrivals(start, rate, _options.Poisson ? new Random(1) : null) : null;

        Turn(arrivals, readAt);
        measuring(_answered);
        var costsBefore = ReadProcesses();
        var answersBefore = _answered;
        _recordFrom = Clock.Now + Settling;
        _recordUntil = _recordFrom + Nanoseconds(_options.Seconds);
        Turn(arrivals, _recordUntil);
        if (_options.Requests is { } requests && !HasAllAnswers)
        {
            throw new LoadException($"{_answered} of {requests} requests were answered in time");
        }

        _recordUntil = Math.Min(_recordUntil, Clock.Now);
        _issuing = false;
        Drain();
        var costsAfter = ReadProcesses();
        return Result(costsBefore, costsAfter, _answered - answersBefore);
    }

    void IAnswers.OnAnswer(Connection connection, in Ticket ticket, in Answer answer)
    {
        var now = Clock.Now;
        Check(ticket, answer);
        _answered++;
        if (now >= _recordFrom && now < _recordUntil)
        {
            _counted++;
            _bytes += answer.Length + _bodyBytes;
        }

        if (ticket.Intended >= _recordFrom && ticket.Intended < _recordUntil)
        {
            _latency.Record(now - ticket.Intended);
        }

        if (_options.Rate is null && _issuing && _sent < _requestLimit)
        {
            Send(connection, new Ticket(_sent++, now));
        }
        else if (_waiting.TryDequeue(out var waiting))
        {
            Send(connection, waiting);
        }
        else
        {
            _free.Enqueue(connection);
        }
    }

    void IAnswers.OnReconnect() => _reconnects++;

    public void Dispose()
    {
        foreach (var connection in _connections)
        {
            connection.Dispose();
        }

        _poller.Dispose();
    }

    private Connection[] Http1Connections(LoadTarget target)
    {
        var buffer = GC.AllocateArray<byte>(BufferSize, pinned: true);
        var body = Body.Make(_options.BodyBytes);
        var method = _options.Method ?? (body.Length > 0 ? "POST" : "GET");
        var requests = target.Http1Requests(method, body, _options.ChunkBytes, _options.Headers, out var rest);
        return [.. Enumerable.Range(0, _options.Connections)
            .Select(key => new Http1Connection(new LoadSocket(_poller, target, key), this, requests, rest, buffer))];
    }

    private Connection[] GrpcConnections(LoadTarget target)
    {
        var heads = GrpcConnection.Heads(target, _options.Headers);
        var message = GrpcConnection.Message(Body.Make(_options.BodyBytes));
        return
        [
            .. Enumerable.Range(0, _options.Connections)
                .Select(key => new GrpcConnection(new LoadSocket(_poller, target, key), this, heads, message, _options.Streams)),
        ];
    }

    private static long Nanoseconds(double seconds) => (long)(seconds * Clock.Second);

    private static void Send(Connection connection, in Ticket ticket) => connection.Begin(ticket);

    /// <summary>Sends and receives until then; a closed loop at least until every connection has had an answer.</summary>
    private void Turn(Arrivals? arrivals, long until)
    {
        if (arrivals is null)
        {
            while (_sent < _requestLimit && _free.TryDequeue(out var connection))
            {
                Send(connection, new Ticket(_sent++, Clock.Now));
            }
        }

        var slots = arrivals is null ? _connections.Length * _connections[0].Slots : 0;
        var limit = until + DrainLimit;
        for (var now = Clock.Now; !HasAllAnswers && (now < until || (_answered < slots && now < limit)); now = Clock.Now)
        {
            SendDue(arrivals, until);
            Poll(Math.Max(0, Math.Min(now < until ? until : limit, arrivals?.Next ?? limit) - Clock.Now));
        }

        // What became due while the last wait took too long.
        SendDue(arrivals, until);
    }

    private void SendDue(Arrivals? arrivals, long until)
    {
        for (var now = Clock.Now; arrivals is not null && arrivals.Next <= now && arrivals.Next < until; now = Clock.Now)
        {
            SendOrQueue(new Ticket(_sent++, arrivals.Next), now);
            arrivals.MoveOn();
        }
    }

    private void SendOrQueue(in Ticket ticket, long now)
    {
        if (_free.TryDequeue(out var connection))
        {
            if (ticket.Intended >= _recordFrom)
            {
                _lateness.Record(now - ticket.Intended);
            }

            Send(connection, ticket);
            return;
        }

        _queued += ticket.Intended >= _recordFrom ? 1 : 0;
        _waiting.Enqueue(ticket);
        if (_waiting.Count > WaitingLimit)
        {
            throw new LoadException($"{_waiting.Count} requests wait for a connection: the rate is far beyond what the server can do");
        }
    }

    private void Drain()
    {
        var limit = Clock.Now + DrainLimit;
        while (_answered < _sent)
        {
            var left = limit - Clock.Now;
            if (left <= 0)
            {
                throw new LoadException($"{_sent - _answered} of {_sent} requests were not answered within {DrainLimit / Clock.Second} s");
            }

            Poll(left);
        }
    }

    private void Poll(long nanoseconds)
    {
        var count = _poller.Wait(nanoseconds);
        for (var i = 0; i < count; i++)
        {
            var (key, read, write) = _poller.Event(i);
            if (write)
            {
                _connections[key].OnWritable();
            }

            if (read)
            {
                _connections[key].OnReadable();
            }
        }
    }

    private void Check(in Ticket ticket, in Answer answer)
    {
        if (_expected is { } whole ? answer != whole : answer.Status != _options.Status)
        {
            throw new LoadException(
                $"request {ticket.Number} was answered with {answer}, expected was {_expected?.ToString() ?? $"status {_options.Status}"}");
        }
    }

    private ProcessUsage[] ReadProcesses() => [.. _options.Processes.Append(Environment.ProcessId).Select(ProcessUsage.Read)];

    private LoadResult Result(ProcessUsage[] before, ProcessUsage[] after, long costAnswers)
    {
        if (_latency.Count == 0 || costAnswers == 0)
        {
            throw new LoadException("no answer came within the measured time");
        }

        var seconds = (_recordUntil - _recordFrom) / (double)Clock.Second;
        var used = after.Zip(before, (last, first) => last.Since(first)).ToArray();
        return new LoadResult
        {
            Answers = _counted,
            Seconds = Math.Round(seconds, 3),
            PerSecond = Math.Round(_counted / seconds, 2),
            MegabytesPerSecond = Math.Round(_bytes / seconds / 1e6, 3),
            AllAnswers = _answered,
            CostAnswers = costAnswers,
            Latency = Distribution.Of(_latency, withCurve: true),
            Lateness = Distribution.Of(_lateness, withCurve: false),
            Queued = _queued,
            Reconnects = _reconnects,
            GeneratorCpu = Math.Round(used[^1].CpuNanoseconds / 1000.0 / costAnswers, 2),
            Processes = used[..^1],
        };
    }
}
