using System.Buffers;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Observability.Logging;

/// <summary>
/// One line per call of the API: level info whatever the log level, because these loggers are pinned to it in Dapr (pkg/api/http/server.go,
/// pkg/api/grpc/server.go). Writes without allocating; texts are the bytes the client sent.
/// </summary>
internal sealed class ApiLog(DaprLogging logging)
{
    private const string HttpScope = "dapr.runtime.http-info";
    private const string GrpcScope = "dapr.runtime.grpc.api-info";

    // Filled and used under the log's lock only. Dapr's names, sorted.
    private readonly LogField[] _fields = new LogField[5];

    /// <summary>
    /// An HTTP call whose answer is complete. <paramref name="verb"/> is empty where URLs are obfuscated; <paramref name="path"/> is the
    /// decoded path, or then the operation's name. <paramref name="userAgent"/> empty: no such field.
    /// </summary>
    public void HttpCalled(
        ReadOnlySpan<byte> verb, ReadOnlySpan<byte> path, int status, long durationMs, long sizeBytes, ReadOnlySpan<byte> userAgent) =>
        logging.Write(
            LogLevel.Information,
            HttpScope,
            new Call
            {
                Fields = _fields,
                Verb = verb,
                Path = path,
                Code = status,
                DurationMs = durationMs,
                SizeBytes = sizeBytes,
                UserAgent = userAgent,
            },
            Encode);

    /// <summary>
    /// A gRPC call that ended with <paramref name="code"/>; <paramref name="method"/> is the full method, <c>/package.Service/Method</c>.
    /// </summary>
    public void GrpcCalled(ReadOnlySpan<byte> method, int code, long durationMs, ReadOnlySpan<byte> userAgent) =>
        logging.Write(
            LogLevel.Information,
            GrpcScope,
            new Call
            {
                Fields = _fields,
                Path = method,
                Code = code,
                DurationMs = durationMs,
                SizeBytes = Call.NoSize,
                UserAgent = userAgent,
            },
            Encode);

    private static ReadOnlySpan<LogField> Encode(Call call, ArrayBufferWriter<byte> scratch, out int messageBytes)
    {
        // 1. Everything into the scratch buffer first: growing it would move what a field already points at.
        scratch.Write(call.SizeBytes == Call.NoSize ? "gRPC API Called"u8 : "HTTP API Called"u8);
        messageBytes = scratch.WrittenCount;
        scratch.Write(call.Verb);
        if (call.Verb.Length > 0)
        {
            scratch.Write(" "u8);
        }

        scratch.Write(call.Path);
        var methodEnd = scratch.WrittenCount;
        scratch.Write(call.UserAgent);

        // 2. The fields, in order of their names.
        var text = scratch.WrittenMemory;
        var count = 0;
        call.Fields[count++] = LogField.OfNumber("code", call.Code);
        call.Fields[count++] = LogField.OfNumber("duration", call.DurationMs);
        call.Fields[count++] = LogField.OfText("method", text[messageBytes..methodEnd]);
        if (call.SizeBytes != Call.NoSize)
        {
            call.Fields[count++] = LogField.OfNumber("size", call.SizeBytes);
        }

        if (call.UserAgent.Length > 0)
        {
            call.Fields[count++] = LogField.OfText("useragent", text[methodEnd..]);
        }

        return call.Fields.AsSpan(0, count);
    }

    private readonly ref struct Call
    {
        /// <summary>gRPC lines carry no size.</summary>
        public const long NoSize = -1;

        public required LogField[] Fields { get; init; }

        public ReadOnlySpan<byte> Verb { get; init; }

        public required ReadOnlySpan<byte> Path { get; init; }

        public required int Code { get; init; }

        public required long DurationMs { get; init; }

        public required long SizeBytes { get; init; }

        public required ReadOnlySpan<byte> UserAgent { get; init; }
    }
}
