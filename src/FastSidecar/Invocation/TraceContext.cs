using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// A W3C trace context in both spellings that travel: the text of <c>traceparent</c> and the 29 bytes of <c>grpc-trace-bin</c>. Immutable.
/// Without a context Dapr sends
/// both with zero ids, and so do we (dapr pkg/diagnostics/grpc_tracing.go v1.18.3).
/// </summary>
internal sealed class TraceContext
{
    /// <summary>0, 0, trace id, 1, span id, 2, flags.</summary>
    private const int BinaryBytes = 29;

    /// <summary>No context: all ids are zero.</summary>
    public static readonly TraceContext Zero = new(TraceHeaders.Zero);

    private readonly byte[] _text;
    private readonly byte[] _binary;

    private TraceContext(ReadOnlySpan<byte> text)
    {
        _text = text.ToArray();
        Span<byte> raw = stackalloc byte[BinaryBytes];
        raw.Clear();
        Convert.FromHexString(Encoding.ASCII.GetString(text.Slice(3, 32))).CopyTo(raw[2..]);
        raw[18] = 1;
        Convert.FromHexString(Encoding.ASCII.GetString(text.Slice(36, 16))).CopyTo(raw[19..]);
        raw[27] = 2;
        Convert.FromHexString(Encoding.ASCII.GetString(text.Slice(53, 2))).CopyTo(raw[28..]);
        _binary = Encoding.ASCII.GetBytes(Convert.ToBase64String(raw).TrimEnd('='));
    }

    /// <summary>As <c>traceparent</c>, version 00.</summary>
    public ReadOnlySpan<byte> Text => _text;

    /// <summary>As <c>grpc-trace-bin</c> on the wire: base64 without padding.</summary>
    public ReadOnlySpan<byte> Binary => _binary;

    public bool IsZero => ReferenceEquals(this, Zero);

    /// <summary>
    /// A context from a valid <c>traceparent</c> of any version, rewritten to version 00; <see cref="Zero"/> for an invalid one.
    /// </summary>
    public static TraceContext Parse(ReadOnlySpan<byte> traceparent)
    {
        Span<byte> text = stackalloc byte[TraceHeaders.TraceParentLength];
        return TraceHeaders.TryWriteTraceParent(traceparent, text) ? new TraceContext(text) : Zero;
    }

    /// <summary>The context of a gRPC call: <c>grpc-trace-bin</c>, else <c>traceparent</c>, else none.</summary>
    public static TraceContext FromGrpc(HeaderList metadata)
    {
        if (metadata.TryGet("grpc-trace-bin"u8, out var binary))
        {
            if (binary.SequenceEqual(Zero._binary))
            {
                return Zero;
            }

            if (FromBinary(binary) is { } context)
            {
                return context;
            }
        }

        return metadata.TryGet("traceparent"u8, out var text) ? Parse(text) : Zero;
    }

    /// <summary>Adds both spellings as gRPC metadata.</summary>
    public void AddGrpcMetadata(HeaderList metadata)
    {
        metadata.Add("traceparent"u8, _text);
        AddGrpcBinary(metadata);
    }

    public void AddGrpcBinary(HeaderList metadata) => metadata.Add("grpc-trace-bin"u8, _binary);

    private static TraceContext? FromBinary(ReadOnlySpan<byte> base64)
    {
        Span<byte> raw = stackalloc byte[BinaryBytes + 3];
        var padded = Encoding.ASCII.GetString(base64).TrimEnd('=');
        padded += new string('=', (4 - (padded.Length % 4)) % 4);
        if (!Convert.TryFromBase64String(padded, raw, out var written) || written != BinaryBytes || raw[0] != 0 || raw[1] != 0 || raw[18] != 1 || raw[27] != 2)
        {
            return null;
        }

        var text = $"00-{Convert.ToHexStringLower(raw.Slice(2, 16))}-{Convert.ToHexStringLower(raw.Slice(19, 8))}-{raw[28]:x2}";
        var context = Parse(Encoding.ASCII.GetBytes(text));
        return context.IsZero ? null : context;
    }
}
