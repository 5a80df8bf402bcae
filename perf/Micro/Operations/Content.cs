using System.Buffers;
using System.IO.Pipelines;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Micro.Operations;

/// <summary>What is sent: small, and the same in every run.</summary>
internal static class Content
{
    public static byte[] OneKibibyte() => [.. Enumerable.Range(0, 1024).Select(static i => (byte)('a' + (i % 26)))];

    /// <summary>Header fields of an ordinary request as a calling sidecar sends them.</summary>
    public static HeaderList RequestMetadata()
    {
        var metadata = new HeaderList();
        metadata.Add("Accept"u8, "*/*"u8);
        metadata.Add("Content-Length"u8, "1024"u8);
        metadata.Add("Content-Type"u8, "application/json"u8);
        metadata.Add("Forwarded"u8, "for=10.0.0.4;by=10.0.0.4;host=node-a"u8);
        metadata.Add("User-Agent"u8, "curl/8.5.0"u8);
        metadata.Add("X-Forwarded-For"u8, "10.0.0.4"u8);
        metadata.Add("X-Forwarded-Host"u8, "node-a"u8);
        metadata.Add("dapr-callee-app-id"u8, "orders"u8);
        metadata.Add("dapr-caller-app-id"u8, "front"u8);
        metadata.Add("dapr-caller-namespace"u8, "default"u8);
        metadata.Add("destination-app-id"u8, "orders"u8);
        return metadata;
    }

    /// <summary>Header fields of an ordinary response.</summary>
    public static HeaderList ResponseHeaders()
    {
        var headers = new HeaderList();
        headers.Add("Content-Length"u8, "1024"u8);
        headers.Add("Content-Type"u8, "application/json"u8);
        headers.Add("Date"u8, "Mon, 07 Sep 2026 10:00:00 GMT"u8);
        headers.Add("Server"u8, "nginx/1.22.1"u8);
        return headers;
    }
}

/// <summary>All bytes at once and the end, as often as it is rewound.</summary>
internal sealed class RepeatedInput(byte[] bytes) : PipeReader
{
    private readonly ReadOnlySequence<byte> _all = new(bytes);
    private ReadOnlySequence<byte> _rest;

    public void Rewind() => _rest = _all;

    public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) =>
        new(new ReadResult(_rest, isCanceled: false, isCompleted: true));

    public override bool TryRead(out ReadResult result)
    {
        result = new ReadResult(_rest, isCanceled: false, isCompleted: true);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => _rest = _rest.Slice(consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => AdvanceTo(consumed);

    public override void CancelPendingRead()
    {
    }

    public override void Complete(Exception? exception = null)
    {
    }
}
