using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Grpc;
using FastSidecar.Protocol;
using FastSidecar.Transport.Channels;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// The health probe of a gRPC app: AppCallbackHealthCheck/HealthCheck, answered with OK. An app without that method is not well (dapr
/// pkg/channel/grpc/grpc_channel.go v1.18.3).
/// </summary>
internal sealed partial class GrpcAppProbe
{
    private readonly ChannelSource _channels;
    private readonly HeaderList _head = new();
    private readonly ILogger _log;

    /// <param name="options">Where the app is.</param>
    /// <param name="channels">The app's own pool.</param>
    /// <param name="key">The app in that pool.</param>
    /// <param name="timeout">What the app is told of how long it is waited for.</param>
    /// <param name="log">Of the scope dapr.apphealth.</param>
    public GrpcAppProbe(GrpcAppOptions options, ChannelPool channels, ChannelKey key, TimeSpan timeout, ILogger log)
    {
        _channels = channels.For(key);
        _log = log;
        _head.Add(":method"u8, "POST"u8);
        _head.Add(":scheme"u8, options.Tls ? "https"u8 : "http"u8);
        _head.Add(":path"u8, MethodPaths.AppHealthCheck);
        _head.Add(":authority"u8, Encoding.Latin1.GetBytes(options.Address));
        _head.Add("content-type"u8, "application/grpc"u8);
        _head.Add("user-agent"u8, "grpc-go/1.82.1"u8);
        _head.Add("te"u8, "trailers"u8);
        _head.Add("grpc-accept-encoding"u8, "gzip"u8);
        Span<byte> text = stackalloc byte[TimeoutHeader.MaxBytes];
        _head.Add("grpc-timeout"u8, text[..TimeoutHeader.Format(timeout, text)]);
    }

    public async Task<string?> AskAsync(CancellationToken cancellationToken)
    {
        var error = await CallAsync(cancellationToken);
        if (error is null)
        {
            return null;
        }

        Log.Failed(_log, error.Reason);
        return "Probe error: " + error.Reason;
    }

    private async Task<InvokeError?> CallAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var stream = await _channels.OpenStreamAsync(cancellationToken);
            stream.WriteHead(_head, endStream: false);
            stream.Output.GetSpan(5)[..5].Clear(); // an empty message
            stream.Output.Advance(5);
            stream.End(null);
            stream.Flush();
            await stream.ReadHeadAsync(cancellationToken);
            if (GrpcFailure.OfHead(stream.Headers) is { } notGrpc)
            {
                return notGrpc;
            }

            while (!stream.EndedWithHeaders)
            {
                var read = await stream.Input.ReadAsync(cancellationToken);
                stream.Input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    break;
                }
            }

            return GrpcFailure.OfStatus(stream.EndedWithHeaders ? stream.Headers : stream.Trailers);
        }
        catch (OperationCanceledException)
        {
            return ErrorTable.PeerStatus(GrpcStatusCode.DeadlineExceeded, "context deadline exceeded");
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return GrpcFailure.Of(e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "App health probe could not complete with error: {Error}")]
        public static partial void Failed(ILogger logger, string error);
    }
}
