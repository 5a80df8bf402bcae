using FastSidecar.Api.Http;
using FastSidecar.Transport.Channels;

namespace FastSidecar.Hosting;

/// <summary>What a start has brought up so far, for whoever takes it down. Null = never came up.</summary>
internal sealed class RunningParts
{
    public HttpServer? Metrics { get; set; }

    public HttpServer? HttpApi { get; set; }

    public HttpServer? PublicHttp { get; set; }

    public HttpServer? Profiling { get; set; }

    public Http2Listener? GrpcApi { get; set; }

    public Http2Listener? Internal { get; set; }

    public ChannelPool? Channels { get; set; }

    public AppChannel? App { get; set; }

    /// <summary>Name resolution, outermost first: disposing announces that we leave.</summary>
    public List<IAsyncDisposable> Resolution { get; } = [];

    /// <summary>Where the HTTP API and the public port are, as the lines of their end name them.</summary>
    public List<string> HttpEndPoints { get; } = [];

    /// <summary>Unix socket files to remove.</summary>
    public List<string> SocketFiles { get; } = [];
}
