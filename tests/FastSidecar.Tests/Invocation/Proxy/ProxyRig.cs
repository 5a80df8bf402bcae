using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

/// <summary>A client, a proxy and a target on two HTTP/2 connections in memory; every stream at the target is given to a function.</summary>
internal sealed class ProxyRig : IAsyncDisposable
{
    private readonly Http2Connection _client;
    private readonly Http2Connection _front;
    private readonly Http2Connection _back;
    private readonly Http2Connection _target;
    private readonly TargetHandler? _handler;
    private readonly ProxiedCalls _calls;

    public ProxyRig(Func<Http2Stream, Task> target, TimeProvider? time = null)
        : this(new TargetHandler(target), time, PipeScheduler.ThreadPool)
    {
    }

    public ProxyRig(IHttp2StreamHandler target, TimeProvider? time, PipeScheduler scheduler)
    {
        const int maxMessageBytes = 4 << 20;
        time ??= TimeProvider.System;
        _handler = target as TargetHandler;
        var back = new Link(scheduler);
        _target = Http2Connection.StartServer(back.Server, new Http2Options(), target, time);
        _back = Http2Connection.StartClient(back.Client, new Http2Options(), time);
        var client = new ProxyClient(
            _ => _back.TryOpenStream(out var stream) ? ValueTask.FromResult(stream) : throw new InvalidOperationException("no stream is free"),
            "127.0.0.1:9000",
            tls: false,
            isPeer: true,
            new ProxyCallPool(maxMessageBytes),
            time,
            InvocationObserver.None);
        _calls = new ProxiedCalls(
            new Straight(client), new ProxyOptions { MaxMessageBytes = maxMessageBytes, Origin = ProxyOrigin.Client }, time, NullLogger.Instance);
        var front = new Link(scheduler);
        _front = Http2Connection.StartServer(front.Server, new Http2Options(), new Front(_calls), time);
        _client = Http2Connection.StartClient(front.Client, new Http2Options(), time);
    }

    /// <summary>Streams that the proxy has open at the target.</summary>
    public int OpenAtTarget => _back.ActiveStreams;

    /// <summary>Finished calls that wait for reuse.</summary>
    public int Pooled => _calls.Pooled;

    public int OpenAtFront => _front.ActiveStreams;

    public IReadOnlyCollection<Exception> Failures => _handler?.Failures ?? [];

    public Http2Stream Open(params (string Name, string Value)[] metadata) => Open(Head([("te", "trailers"), ("dapr-app-id", "b"), .. metadata]));

    public Http2Stream Open(HeaderList head)
    {
        Assert.True(_client.TryOpenStream(out var stream), "the client's connection has room");
        stream.WriteHead(head, endStream: false);
        return stream;
    }

    public static HeaderList Head(params (string Name, string Value)[] fields) => List(
        [(":method", "POST"), (":scheme", "http"), (":path", "/user.Svc/M"), (":authority", "localhost"), ("content-type", "application/grpc"), .. fields]);

    public static HeaderList List(params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields)
        {
            list.Add(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }

        return list;
    }

    public static byte[] Message(string text, byte flag = 0) => Message(Encoding.UTF8.GetBytes(text), flag);

    public static byte[] Message(byte[] content, byte flag = 0)
    {
        var message = new byte[5 + content.Length];
        message[0] = flag;
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(1), (uint)content.Length);
        content.CopyTo(message, 5);
        return message;
    }

    public static string Text(HeaderList list, string name) =>
        list.TryGet(Encoding.UTF8.GetBytes(name), out var value) ? Encoding.UTF8.GetString(value) : "";

    public static async Task<byte[]> ReadToEndAsync(Http2Stream stream)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await stream.Input.ReadAsync().AsTask().Within("more of a stream, or its end");
            foreach (var memory in read.Buffer)
            {
                all.Write(memory.Span);
            }

            stream.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return all.WrittenSpan.ToArray();
            }
        }
    }

    /// <summary>Reads exactly so many bytes.</summary>
    public static async Task<byte[]> ReadAsync(Http2Stream stream, int bytes)
    {
        var read = await stream.Input.ReadAtLeastAsync(bytes).AsTask().Within($"{bytes} bytes");
        var result = read.Buffer.Slice(0, bytes).ToArray();
        stream.Input.AdvanceTo(read.Buffer.GetPosition(bytes));
        return result;
    }

    public static Task SendAsync(Http2Stream stream, byte[] bytes) => stream.Output.WriteAsync(bytes).AsTask().Within("the bytes' way out");

    public static void Answer(Http2Stream stream, params (string Name, string Value)[] metadata) =>
        stream.WriteHead(List([(":status", "200"), ("content-type", "application/grpc"), .. metadata]), endStream: false);

    public static void End(Http2Stream stream, string status = "0", params (string Name, string Value)[] metadata) =>
        stream.End(List([("grpc-status", status), .. metadata]));

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in new[] { _client, _front, _back, _target })
        {
            await connection.DisposeAsync().AsTask().Within("a connection's end");
        }
    }

    private sealed class Link
    {
        public Link(PipeScheduler scheduler)
        {
            var options = new PipeOptions(readerScheduler: scheduler, writerScheduler: scheduler, useSynchronizationContext: false);
            var up = new Pipe(options);
            var down = new Pipe(options);
            Client = new Side(down.Reader, up.Writer);
            Server = new Side(up.Reader, down.Writer);
        }

        public IDuplexPipe Client { get; }

        public IDuplexPipe Server { get; }

        private sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;
    }

    private sealed class Straight(ProxyClient client) : IProxyRouter
    {
        public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken) =>
            client.InvokeAsync(request, cancellationToken);

        public ValueTask<InvokeResult> RepeatAsync(InvokeRequest request, InvokeError failure, CancellationToken cancellationToken) =>
            ValueTask.FromResult<InvokeResult>(failure);
    }

    private sealed class Front(ProxiedCalls calls) : IHttp2StreamHandler
    {
        public void OnStream(Http2Stream stream) => calls.Run(stream);
    }

    private sealed class TargetHandler(Func<Http2Stream, Task> handle) : IHttp2StreamHandler
    {
        public ConcurrentQueue<Exception> Failures { get; } = new();

        public void OnStream(Http2Stream stream) => _ = RunAsync(stream);

        private async Task RunAsync(Http2Stream stream)
        {
            try
            {
                await handle(stream);
            }
            catch (Exception e)
            {
                Failures.Enqueue(e);
            }
            finally
            {
                stream.Dispose();
            }
        }
    }
}
