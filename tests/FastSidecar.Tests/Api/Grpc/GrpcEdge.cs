using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Api.Grpc;
using FastSidecar.Hosting;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Outbound;
using FastSidecar.Resiliency;
using FastSidecar.Resolution;
using FastSidecar.Targets.Peers;
using FastSidecar.Tests.Invocation;
using FastSidecar.Tests.Protocol;
using FastSidecar.Tests.Resolution;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;
using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace FastSidecar.Tests.Api.Grpc;

/// <summary>The gRPC API behind a connection in memory, in front of a target of the test's.</summary>
internal sealed class GrpcEdge : IAsyncDisposable
{
    public const string Dapr = "/dapr.proto.runtime.v1.Dapr/";

    private readonly ChannelPool _channels;
    private readonly CachingResolver _resolver;
    private readonly Http2Connection _server;

    public GrpcEdge(string apiToken = "", int maxMessageBytes = 4 << 20, TimeProvider? time = null)
    {
        var clock = time ?? TimeProvider.System;
        _channels = new ChannelPool(new ChannelPoolOptions(), clock);
        _resolver = new CachingResolver(new LocalResolver(), new CachingOptions(), clock, NullLogger.Instance);
        var outbound = new OutboundInvoker(
            new TargetRouter("a", "default"),
            _resolver,
            port: 1,
            new PeerTargets(_channels, maxMessageBytes, clock, InvocationObserver.None),
            App,
            new AttemptRunner(new BuiltInRetry(), clock),
            new CallerHeaders("a", "default", "127.0.0.1", "host"));
        var options = new GrpcApiOptions { ApiToken = apiToken, MaxMessageBytes = maxMessageBytes, AppId = "a", Namespace = "default" };
        var service = new GrpcApi(options, outbound, Proxied, Metadata, Readiness, Shutdowns.Add).Create(InvocationObserver.None, clock, Log, apiLog: null);
        var up = new Pipe();
        var down = new Pipe();
        _server = Http2Connection.StartServer(new Side(up.Reader, down.Writer), new Http2Options(), service, clock);
        Client = Http2Connection.StartClient(new Side(down.Reader, up.Writer), new Http2Options(), clock);
    }

    public Http2Connection Client { get; }

    /// <summary>The own app, app id <c>a</c>.</summary>
    public ScriptedTarget App { get; } = new();

    public RuntimeMetadata Metadata { get; } = new("a", "1.18.3", new AppConnectionProperties { Port = 3000, MaxConcurrency = 4 });

    public Readiness Readiness { get; } = new(Readiness.Runtime);

    /// <summary>Every shutdown that was asked for; true = forced.</summary>
    public List<bool> Shutdowns { get; } = [];

    public LinesLogger Log { get; } = new();

    private ProxiedCalls Proxied { get; } = TestProxy.None();

    /// <summary>One message there, the whole answer back.</summary>
    public Task<GrpcAnswer> CallAsync(string path, IMessage request, params (string Name, string Value)[] metadata) =>
        CallAsync(path, PeerWire.Frame(request), metadata);

    public async Task<GrpcAnswer> CallAsync(string path, byte[] framed, params (string Name, string Value)[] metadata)
    {
        var stream = Open(path, metadata);
        stream.Output.Write(framed);
        stream.End(null);
        return await GrpcAnswer.ReadAsync(stream);
    }

    /// <summary>A call whose head has been written and not sent.</summary>
    public Http2Stream Open(string path, params (string Name, string Value)[] metadata)
    {
        Assert.True(Client.TryOpenStream(out var stream));
        var head = PeerWire.Headers([(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "localhost:50001")]);
        if (!metadata.Any(static field => field.Name == "content-type"))
        {
            head.Add("content-type"u8, "application/grpc"u8);
        }

        foreach (var (name, value) in metadata)
        {
            head.Add(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }

        stream.WriteHead(head, endStream: false);
        return stream;
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync().AsTask().Within("the client's end");
        await _server.DisposeAsync().AsTask().Within("the server's end");
        await _resolver.DisposeAsync();
        await _channels.DisposeAsync();
        Assert.DoesNotContain(Log.Lines, static line => line.Contains("unexpected error", StringComparison.Ordinal));
    }

    private sealed record Side(PipeReader Input, PipeWriter Output) : IDuplexPipe;

    private sealed class LocalResolver : INameResolver
    {
        public ValueTask<ResolveResult> ResolveAsync(ResolveRequest request, CancellationToken cancellationToken) =>
            ValueTask.FromResult(ResolveResult.Found(["127.0.0.1:1"], isComplete: true));
    }
}

/// <summary>A call's whole answer.</summary>
internal sealed record GrpcAnswer(Dictionary<string, string> Head, byte[] Data, Dictionary<string, string> Trailers)
{
    public bool IsTrailersOnly { get; init; }

    public int Code => int.Parse(Trailers["grpc-status"], System.Globalization.CultureInfo.InvariantCulture);

    public string Text => Transport.Grpc.GrpcMessageEncoding.DecodeToString(Encoding.UTF8.GetBytes(Trailers["grpc-message"]));

    /// <summary>The only message.</summary>
    public byte[] Message
    {
        get
        {
            Assert.Equal(0, Data[0]);
            Assert.Equal(Data.Length - 5, System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(Data.AsSpan(1)));
            return Data[5..];
        }
    }

    /// <summary>google.rpc.Status of the trailers; null without.</summary>
    public Wire.RpcStatusMessage? Status
    {
        get
        {
            if (!Trailers.TryGetValue("grpc-status-details-bin", out var text))
            {
                return null;
            }

            return Wire.RpcStatusMessage.Parser.ParseFrom(Convert.FromBase64String(text.PadRight((text.Length + 3) / 4 * 4, '=')));
        }
    }

    /// <summary>The status' only ErrorInfo.</summary>
    public Wire.ErrorInfoMessage ErrorInfo => Wire.ErrorInfoMessage.Parser.ParseFrom(
        Assert.Single(Status!.Details, static any => any.TypeUrl == "type.googleapis.com/google.rpc.ErrorInfo").Value);

    public static async Task<GrpcAnswer> ReadAsync(Http2Stream stream)
    {
        await stream.ReadHeadAsync(default).AsTask().Within("the head");
        var head = Fields(stream.Headers);
        if (stream.EndedWithHeaders)
        {
            stream.Dispose();
            return new GrpcAnswer(head, [], head) { IsTrailersOnly = true };
        }

        var data = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await stream.Input.ReadAsync().AsTask().Within("the answer's messages");
            foreach (var piece in read.Buffer)
            {
                data.Write(piece.Span);
            }

            stream.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        var answer = new GrpcAnswer(head, data.WrittenSpan.ToArray(), Fields(stream.Trailers));
        stream.Dispose();
        return answer;
    }

    private static Dictionary<string, string> Fields(HeaderList list)
    {
        var fields = new Dictionary<string, string>();
        for (var i = 0; i < list.Count; i++)
        {
            var name = Encoding.UTF8.GetString(list.Name(i));
            var value = Encoding.UTF8.GetString(list.Value(i));
            fields[name] = fields.TryGetValue(name, out var other) ? $"{other},{value}" : value;
        }

        return fields;
    }
}
