using System.Buffers;
using System.Buffers.Text;
using FastSidecar.Protocol;
using FastSidecar.Transport.Grpc;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation.Grpc;

/// <summary>
/// Metadata of gRPC calls at the two borders they cross: what a gRPC client or app sent becomes the form of the sidecar-to-sidecar wire, and
/// what the wire says becomes metadata for a gRPC app or client (dapr pkg/messaging/v1/util.go and
/// pkg/proto/internals/v1 MetadataToInternalMetadata v1.18.3; grpc-go internal/transport/http_util.go).
/// </summary>
internal static class GrpcMetadata
{
    /// <summary>Values up to this size are decoded on the stack.</summary>
    private const int StackBytes = 512;

    /// <summary>A longer tracestate is not passed on; Dapr's limit.</summary>
    private const int MaxTraceStateBytes = 512;

    private static readonly SearchValues<byte> KeyBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_."u8);

    private static ReadOnlySpan<byte> DaprPrefix => "dapr-"u8;

    private static ReadOnlySpan<byte> BinarySuffix => "-bin"u8;

    /// <summary>
    /// Adds a client's or an app's metadata in the form of the wire. Names stay as they are, values of <c>-bin</c> names become padded
    /// base64; of the pseudo-headers only <c>:authority</c> travels, and of the names reserved by grpc-go only <c>content-type</c> and
    /// <c>user-agent</c>.
    /// </summary>
    public static void ToWire(HeaderList grpc, HeaderList wire)
    {
        // grpc-go's server renames Host where there is no authority, and drops it beside one.
        var isRequest = grpc.Contains(":path"u8);
        var hasAuthority = isRequest && grpc.Contains(":authority"u8);
        for (var i = 0; i < grpc.Count; i++)
        {
            var name = grpc.Name(i);
            var value = grpc.Value(i);
            if (IsReserved(name) && !IsKeptOnTheWire(name))
            {
                continue;
            }

            if (isRequest && name.SequenceEqual("host"u8))
            {
                if (!hasAuthority)
                {
                    wire.Add(":authority"u8, value);
                }
            }
            else if (BinaryMetadata.IsBinaryName(name))
            {
                AddPadded(name, value, wire);
            }
            else
            {
                wire.Add(name, value);
            }
        }
    }

    /// <summary>
    /// Adds what the wire says as metadata of a gRPC call, ready to be written: names in lower case, those of HTTP's own headers behind
    /// <c>dapr-</c>, values of <c>-bin</c> names in base64 without padding, no reserved name. The trace context is made anew, and always
    /// there.
    /// </summary>
    /// <param name="wire">Metadata of a request, or headers or trailers of a response.</param>
    /// <param name="trailers">They are trailers, whose names get no prefix.</param>
    /// <param name="trace">The call's own context, for where <paramref name="wire"/> has none.</param>
    /// <param name="grpc">Receives the fields.</param>
    /// <returns>
    /// Null, or why grpc-go refuses to send such metadata, which makes the call an Internal error; then not all of it was added.
    /// </returns>
    public static string? FromWire(HeaderList wire, bool trailers, TraceContext trace, HeaderList grpc)
    {
        for (var i = 0; i < wire.Count; i++)
        {
            var name = wire.Name(i);
            if (IsTrace(name) || HeaderNames.Is(name, HeaderNames.DestinationAppId))
            {
                continue;
            }

            if (name.IsEmpty)
            {
                return "there is an empty key in the header";
            }

            var prefix = !trailers && IsPermanent(name) ? DaprPrefix : default;
            if (name[0] != (byte)':' && Refusal(prefix, name, wire.Value(i)) is { } refusal)
            {
                return refusal;
            }

            AddFromWire(prefix, name, wire.Value(i), grpc);
        }

        AddTrace(wire, trace, grpc);
        return null;
    }

    private static void AddFromWire(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, HeaderList grpc)
    {
        if (prefix.IsEmpty && IsUnsendable(name))
        {
            return;
        }

        if (!HeaderNames.IsBinary(name))
        {
            var lower = grpc.Append(prefix.Length + name.Length, value.Length, out var valueSpan);
            prefix.CopyTo(lower);
            WriteLower(name, lower[prefix.Length..]);
            value.CopyTo(valueSpan);
            return;
        }

        // Only the name in lower case says that its value is base64. What an HTTP app called Foo-Bin is its text.
        if (!name.EndsWith(BinarySuffix))
        {
            AddUnpadded(name, value, grpc);
            return;
        }

        byte[]? rented = null;
        var size = Base64.GetMaxDecodedFromUtf8Length(value.Length);
        var raw = size <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(size);
        if (Base64.DecodeFromUtf8(value, raw, out _, out var written) == OperationStatus.Done)
        {
            AddUnpadded(name, raw[..written], grpc);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private static void AddUnpadded(ReadOnlySpan<byte> name, ReadOnlySpan<byte> raw, HeaderList grpc)
    {
        WriteLower(name, grpc.Append(name.Length, BinaryMetadata.EncodedLength(raw.Length), out var value));
        BinaryMetadata.Encode(raw, value);
    }

    private static void AddPadded(ReadOnlySpan<byte> name, ReadOnlySpan<byte> unpadded, HeaderList wire)
    {
        byte[]? rented = null;
        var size = BinaryMetadata.MaxDecodedLength(unpadded.Length);
        var raw = size <= StackBytes ? stackalloc byte[StackBytes] : rented = ArrayPool<byte>.Shared.Rent(size);
        if (BinaryMetadata.TryDecode(unpadded, raw, out var written))
        {
            name.CopyTo(wire.Append(name.Length, Base64.GetMaxEncodedToUtf8Length(written), out var value));
            Base64.EncodeToUtf8(raw[..written], value, out _, out _);
        }

        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    /// <summary>
    /// Of metadata that began as gRPC's only its <c>grpc-trace-bin</c> counts, of any other its <c>traceparent</c>, and with it its
    /// <c>tracestate</c>.
    /// </summary>
    private static void AddTrace(HeaderList wire, TraceContext trace, HeaderList grpc)
    {
        if (TraceHeaders.IsFromGrpc(wire))
        {
            if (wire.TryGet("grpc-trace-bin"u8, out var binary) && !binary.IsEmpty)
            {
                trace = TraceContext.OfGrpcBinary(binary) ?? trace;
            }

            trace.AddGrpcMetadata(grpc);
            return;
        }

        var sent = wire.TryGet(HeaderNames.TraceParent, out var text) ? TraceContext.OfText(text, trace) : null;
        (sent ?? trace).AddGrpcMetadata(grpc);
        if (sent is not null && wire.TryGet(HeaderNames.TraceState, out var state))
        {
            TraceHeaders.AddState(state, MaxTraceStateBytes, "tracestate"u8, grpc);
        }
    }

    /// <summary>grpc-go's own check of what a program wants to send (internal/metadata/metadata.go, ValidatePair).</summary>
    private static string? Refusal(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Span<byte> small = stackalloc byte[StackBytes];
        var length = prefix.Length + name.Length;
        var lower = length <= small.Length ? small[..length] : new byte[length];
        prefix.CopyTo(lower);
        WriteLower(name, lower[prefix.Length..]);
        if (lower.ContainsAnyExcept(KeyBytes))
        {
            return $"header key {GoText.Quote(lower)} contains illegal characters not in [0-9a-z-_.]";
        }

        return !lower.EndsWith(BinarySuffix) && value.ContainsAnyExceptInRange((byte)' ', (byte)'~')
            ? $"header key {GoText.Quote(lower)} contains value with non-printable ASCII characters"
            : null;
    }

    private static bool IsTrace(ReadOnlySpan<byte> name) =>
        HeaderNames.Is(name, HeaderNames.TraceParent) || HeaderNames.Is(name, HeaderNames.TraceState) || HeaderNames.Is(name, "grpc-trace-bin"u8);

    private static bool IsKeptOnTheWire(ReadOnlySpan<byte> name) => name.Length switch
    {
        10 => name.SequenceEqual(":authority"u8) || name.SequenceEqual("user-agent"u8),
        12 => name.SequenceEqual("content-type"u8),
        _ => false,
    };

    /// <summary>Names that belong to the protocol and never leave, or arrive, as metadata (grpc-go isReservedHeader). In lower case.</summary>
    private static bool IsReserved(ReadOnlySpan<byte> name) => name.Length switch
    {
        0 => false,
        _ when name[0] == (byte)':' => true,
        2 => name.SequenceEqual("te"u8),
        10 => name.SequenceEqual("user-agent"u8),
        11 => name.SequenceEqual("grpc-status"u8),
        12 => name.SequenceEqual("content-type"u8) || name.SequenceEqual("grpc-message"u8) || name.SequenceEqual("grpc-timeout"u8),
        13 => name.SequenceEqual("grpc-encoding"u8),
        17 => name.SequenceEqual("grpc-message-type"u8),
        _ => false,
    };

    /// <summary>Reserved, in any case, or of one connection: HTTP/2 forbids those, and grpc-go would have its stream reset for them.</summary>
    private static bool IsUnsendable(ReadOnlySpan<byte> name)
    {
        // Of any length: what begins like a pseudo-header must never leave as a field.
        if (name[0] == (byte)':')
        {
            return true;
        }

        Span<byte> lower = stackalloc byte[17];
        if (name.Length > lower.Length)
        {
            return false;
        }

        lower = lower[..name.Length];
        WriteLower(name, lower);
        return IsReserved(lower) || name.Length switch
        {
            7 => lower.SequenceEqual("upgrade"u8),
            10 => lower.SequenceEqual("connection"u8) || lower.SequenceEqual("keep-alive"u8),
            16 => lower.SequenceEqual("proxy-connection"u8),
            17 => lower.SequenceEqual("transfer-encoding"u8),
            _ => false,
        };
    }

    /// <summary>HTTP's permanent names as Dapr lists them, and only in Go's canonical spelling (util.go, isPermanentHTTPHeader).</summary>
    private static bool IsPermanent(ReadOnlySpan<byte> name) => name.Length switch
    {
        3 => name.SequenceEqual("Via"u8),
        4 => name.SequenceEqual("Date"u8) || name.SequenceEqual("From"u8) || name.SequenceEqual("Host"u8),
        6 => name.SequenceEqual("Accept"u8) || name.SequenceEqual("Cookie"u8) || name.SequenceEqual("Expect"u8) ||
            name.SequenceEqual("Origin"u8) || name.SequenceEqual("Pragma"u8),
        7 => name.SequenceEqual("Upgrade"u8) || name.SequenceEqual("Referer"u8) || name.SequenceEqual("Warning"u8),
        8 => name.SequenceEqual("If-Match"u8),
        10 => name.SequenceEqual("Connection"u8) || name.SequenceEqual("Keep-Alive"u8),
        12 => name.SequenceEqual("Content-Type"u8) || name.SequenceEqual("Max-Forwards"u8),
        13 => name.SequenceEqual("Accept-Ranges"u8) || name.SequenceEqual("Cache-Control"u8) || name.SequenceEqual("If-None-Match"u8),
        14 => name.SequenceEqual("Accept-Charset"u8) || name.SequenceEqual("Content-Length"u8),
        15 => name.SequenceEqual("Accept-Language"u8),
        16 => name.SequenceEqual("Proxy-Connection"u8),
        17 => name.SequenceEqual("Transfer-Encoding"u8) || name.SequenceEqual("If-Modified-Since"u8),
        19 => name.SequenceEqual("If-Unmodified-Since"u8),
        21 => name.SequenceEqual("If-Schedule-Tag-Match"u8),
        _ => false,
    };

    private static void WriteLower(ReadOnlySpan<byte> name, Span<byte> output)
    {
        for (var i = 0; i < name.Length; i++)
        {
            output[i] = name[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(name[i] | 0x20) : name[i];
        }
    }
}
