using System.Buffers;
using System.Buffers.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// A W3C trace context in both spellings that travel: the text of <c>traceparent</c> and the 29 bytes of <c>grpc-trace-bin</c>. Reused by
/// its owner, an <see cref="InvokeRequest"/>, so that a traced request allocates nothing; nobody else keeps it. Without a context Dapr
/// sends both with zero ids, and so do we (dapr pkg/diagnostics/grpc_tracing.go v1.18.3).
/// </summary>
internal sealed class TraceContext
{
    /// <summary>0, 0, trace id, 1, span id, 2, flags.</summary>
    private const int BinaryBytes = 29;

    /// <summary>29 bytes in base64 without padding; with it one more.</summary>
    private const int Base64Bytes = 39;

    /// <summary>No context: all ids are zero. Never set to anything else.</summary>
    public static readonly TraceContext Zero = new();

    private readonly byte[] _text = new byte[TraceHeaders.TraceParentLength];
    private readonly byte[] _binary = new byte[Base64Bytes + 1];

    /// <summary>Begins as zeros.</summary>
    public TraceContext()
    {
        TraceHeaders.Zero.CopyTo(_text);
        WriteBinary();
    }

    /// <summary>As <c>traceparent</c>, version 00.</summary>
    public ReadOnlySpan<byte> Text => _text;

    /// <summary>As <c>grpc-trace-bin</c> on the wire: base64 without padding.</summary>
    public ReadOnlySpan<byte> Binary => _binary.AsSpan(0, Base64Bytes);

    public bool IsZero => ReferenceEquals(this, Zero);

    /// <summary>Takes over a valid <c>traceparent</c> of any version, rewritten to version 00; false for an invalid one.</summary>
    public bool TrySet(ReadOnlySpan<byte> traceparent)
    {
        if (!TraceHeaders.TryWriteTraceParent(traceparent, _text))
        {
            return false;
        }

        WriteBinary();
        return true;
    }

    /// <summary>Takes over the context of a gRPC call: <c>grpc-trace-bin</c>, else <c>traceparent</c>; false when there is none.</summary>
    public bool TrySetFromGrpc(HeaderList metadata)
    {
        if (metadata.TryGet("grpc-trace-bin"u8, out var binary))
        {
            if (binary.SequenceEqual(Zero.Binary))
            {
                return false;
            }

            if (TrySetBinary(binary))
            {
                return true;
            }
        }

        return metadata.TryGet("traceparent"u8, out var text) && TrySet(text);
    }

    /// <summary>The context of a <c>traceparent</c>, which mostly is the call's own; null for an invalid one.</summary>
    public static TraceContext? OfText(ReadOnlySpan<byte> traceparent, TraceContext own)
    {
        if (!own.IsZero && traceparent.SequenceEqual(own.Text))
        {
            return own;
        }

        var context = new TraceContext();
        return context.TrySet(traceparent) ? context : null;
    }

    /// <summary>The context of a <c>grpc-trace-bin</c> in base64; null for an invalid one.</summary>
    public static TraceContext? OfGrpcBinary(ReadOnlySpan<byte> base64)
    {
        if (base64.TrimEnd((byte)'=').SequenceEqual(Zero.Binary))
        {
            return Zero;
        }

        var context = new TraceContext();
        return context.TrySetBinary(base64) ? context : null;
    }

    /// <summary>Adds both spellings as gRPC metadata.</summary>
    public void AddGrpcMetadata(HeaderList metadata)
    {
        metadata.Add("traceparent"u8, Text);
        AddGrpcBinary(metadata);
    }

    public void AddGrpcBinary(HeaderList metadata) => metadata.Add("grpc-trace-bin"u8, Binary);

    /// <summary>Writes the binary spelling of the text, which is valid.</summary>
    private void WriteBinary()
    {
        Span<byte> raw = stackalloc byte[BinaryBytes];
        raw.Clear();
        FromHex(_text.AsSpan(3, 32), raw[2..]);
        raw[18] = 1;
        FromHex(_text.AsSpan(36, 16), raw[19..]);
        raw[27] = 2;
        FromHex(_text.AsSpan(53, 2), raw[28..]);
        Base64.EncodeToUtf8(raw, _binary, out _, out _);
    }

    private bool TrySetBinary(ReadOnlySpan<byte> base64)
    {
        var unpadded = base64.TrimEnd((byte)'=');
        if (unpadded.Length != Base64Bytes)
        {
            return false;
        }

        Span<byte> padded = stackalloc byte[Base64Bytes + 1];
        unpadded.CopyTo(padded);
        padded[Base64Bytes] = (byte)'=';
        Span<byte> raw = stackalloc byte[Base64.GetMaxDecodedFromUtf8Length(Base64Bytes + 1)];
        if (Base64.DecodeFromUtf8(padded, raw, out _, out var written) != OperationStatus.Done || written != BinaryBytes ||
            raw[0] != 0 || raw[1] != 0 || raw[18] != 1 || raw[27] != 2)
        {
            return false;
        }

        Span<byte> text = stackalloc byte[TraceHeaders.TraceParentLength];
        TraceHeaders.Zero.CopyTo(text);
        ToHex(raw.Slice(2, 16), text[3..]);
        ToHex(raw.Slice(19, 8), text[36..]);
        ToHex(raw.Slice(28, 1), text[53..]);
        return TrySet(text);
    }

    /// <summary>Only lower-case digits stand in a context's own text.</summary>
    private static void FromHex(ReadOnlySpan<byte> digits, Span<byte> output)
    {
        for (var i = 0; i < digits.Length; i += 2)
        {
            output[i / 2] = (byte)((Digit(digits[i]) << 4) | Digit(digits[i + 1]));
        }

        static int Digit(byte digit) => digit <= '9' ? digit - '0' : digit - 'a' + 10;
    }

    private static void ToHex(ReadOnlySpan<byte> bytes, Span<byte> digits)
    {
        for (var i = 0; i < bytes.Length; i++)
        {
            digits[2 * i] = TraceHeaders.LowerHex(bytes[i] >> 4);
            digits[(2 * i) + 1] = TraceHeaders.LowerHex(bytes[i] & 0xf);
        }
    }
}
