using System.Buffers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// W3C trace context as it is passed on when no spans are made: the default, where tracing is on but nothing receives spans. A client's
/// valid context goes through with its span id; where there is none, Dapr writes zeros (Dapr <c>pkg/diagnostics/http_tracing.go</c>,
/// <c>tracing.go</c>, <c>pkg/messaging/v1/util.go</c>).
/// </summary>
internal static class TraceHeaders
{
    /// <summary>Length of a traceparent in version 00.</summary>
    public const int TraceParentLength = 55;

    /// <summary>A longer tracestate is not given back to the client; Dapr's limit.</summary>
    private const int MaxTraceStateLength = 512;

    /// <summary>Version <c>ff</c> is forbidden.</summary>
    private const int MaxVersion = 254;

    private static readonly SearchValues<byte> LowerHexDigits = SearchValues.Create("0123456789abcdef"u8);

    private static readonly SearchValues<byte> HexDigits = SearchValues.Create("0123456789abcdefABCDEF"u8);

    public static ReadOnlySpan<byte> Zero => "00-00000000000000000000000000000000-0000000000000000-00"u8;

    /// <summary>Requests to such a path take no part in tracing at the caller, wherever in the path the word stands.</summary>
    public static bool IsExempt(ReadOnlySpan<byte> decodedPath) => decodedPath.IndexOf("/healthz"u8) >= 0;

    /// <summary>
    /// Reads a traceparent and writes it as version 00 (<see cref="TraceParentLength"/> bytes). False when it is not valid: hexadecimal
    /// digits of the ids in upper case, ids of zeros, version ff, further parts in version 00.
    /// </summary>
    public static bool TryWriteTraceParent(ReadOnlySpan<byte> text, Span<byte> output)
    {
        // Of requests without a context, which are most; its ids are not valid.
        if (text.SequenceEqual(Zero))
        {
            return false;
        }

        if (!TryCutPart(ref text, out var version) || version.Length != 2 || !TryReadHexByte(version, out var number) ||
            number > MaxVersion ||
            !TryCutPart(ref text, out var traceId) || !IsId(traceId, 32) ||
            !TryCutPart(ref text, out var spanId) || !IsId(spanId, 16))
        {
            return false;
        }

        var dash = text.IndexOf((byte)'-');
        var flags = dash < 0 ? text : text[..dash];
        if ((number == 0 && dash >= 0) || flags.IsEmpty || flags.Length % 2 != 0 || !IsHex(flags))
        {
            return false;
        }

        _ = TryReadHexByte(flags, out var flagBits);
        "00-"u8.CopyTo(output);
        traceId.CopyTo(output[3..]);
        output[35] = (byte)'-';
        spanId.CopyTo(output[36..]);
        output[52] = (byte)'-';
        output[53] = LowerHex(flagBits >> 4);
        output[54] = LowerHex(flagBits & 0xf);
        return true;
    }

    /// <summary>
    /// What the HTTP app gets. The context of the internal call wins; an invalid one of the client passes unchanged; a tracestate goes only
    /// beside a traceparent. Of a caller that speaks gRPC only the call's context counts.
    /// </summary>
    /// <param name="callContext">
    /// The internal call's traceparent, or the client's own for a call of the own app; may be zeros or invalid.
    /// </param>
    /// <param name="callState">
    /// The tracestate that belongs to it. The internal call carries none; a call of the own app has the client's, unless its path is
    /// exempt.
    /// </param>
    /// <param name="metadata">The request's metadata.</param>
    /// <param name="isOn">Tracing is on (its sampling rate is not zero): without any context the app gets zeros.</param>
    /// <param name="app">Receives the fields.</param>
    public static void AddToApp(
        ReadOnlySpan<byte> callContext,
        ReadOnlySpan<byte> callState,
        HeaderList metadata,
        bool isOn,
        HeaderList app)
    {
        Span<byte> canonical = stackalloc byte[TraceParentLength];
        var hasSent = metadata.TryGet(HeaderNames.TraceParent, out var sent) && !sent.IsEmpty && !IsFromGrpc(metadata);
        if (TryWriteTraceParent(callContext, canonical))
        {
            app.Add(HeaderNames.TraceParent, canonical);
            if (AddState(callState, int.MaxValue, app))
            {
                return;
            }
        }
        else if (hasSent)
        {
            app.Add(HeaderNames.TraceParent, sent);
        }
        else if (isOn)
        {
            app.Add(HeaderNames.TraceParent, Zero);
        }

        if (hasSent && metadata.TryGet(HeaderNames.TraceState, out var state) && !state.IsEmpty)
        {
            app.Add(HeaderNames.TraceState, state);
        }
    }

    /// <summary>
    /// What the client gets, on every answer. The app's own traceparent goes before the client's; without it the app's tracestate is
    /// dropped. A gRPC app's counts for nothing, as Dapr looks for another field there.
    /// </summary>
    /// <param name="request">The client's request, its baggage found valid.</param>
    /// <param name="response">Metadata of the app's answer; null for an answer of the sidecar's own.</param>
    /// <param name="isOn">Tracing is on and the path is not exempt; otherwise only what the app sent passes.</param>
    /// <param name="client">Receives the fields.</param>
    public static void AddToClient(HeaderList request, HeaderList? response, bool isOn, HeaderList client)
    {
        if (isOn)
        {
            AddBaggage(request, client);
        }

        if (response is not null && response.TryGet(HeaderNames.TraceParent, out var sent) && !sent.IsEmpty && !IsFromGrpc(response))
        {
            client.Add(HeaderNames.TraceParent, sent);
            if (response.TryGet(HeaderNames.TraceState, out var state) && !state.IsEmpty)
            {
                client.Add(HeaderNames.TraceState, state);
            }
        }
        else if (isOn)
        {
            AddEcho(request, client);
        }
    }

    /// <summary>
    /// Metadata of a gRPC caller keeps that protocol's content type, its name in lower case; an HTTP client's is spelled with capitals.
    /// </summary>
    public static bool IsFromGrpc(HeaderList metadata)
    {
        for (var i = metadata.IndexOf(HeaderNames.ContentType); i >= 0; i = metadata.IndexOf(HeaderNames.ContentType, i + 1))
        {
            if (metadata.Name(i).SequenceEqual("content-type"u8))
            {
                return metadata.Value(i).StartsWith("application/grpc"u8);
            }
        }

        return false;
    }

    private static void AddEcho(HeaderList request, HeaderList client)
    {
        Span<byte> canonical = stackalloc byte[TraceParentLength];
        if (!request.TryGet(HeaderNames.TraceParent, out var traceParent) || !TryWriteTraceParent(traceParent, canonical))
        {
            client.Add(HeaderNames.TraceParent, Zero);
            return;
        }

        client.Add(HeaderNames.TraceParent, canonical);
        if (request.TryGet(HeaderNames.TraceState, out var state))
        {
            AddState(state, MaxTraceStateLength, client);
        }
    }

    private static bool AddState(ReadOnlySpan<byte> state, int maxLength, HeaderList output) =>
        AddState(state, maxLength, HeaderNames.TraceState, output);

    /// <summary>Adds a tracestate, under that name, if it is valid and not empty.</summary>
    public static bool AddState(ReadOnlySpan<byte> state, int maxLength, ReadOnlySpan<byte> name, HeaderList output)
    {
        Span<byte> small = stackalloc byte[MaxTraceStateLength];
        var buffer = state.Length <= small.Length ? small : new byte[state.Length];
        if (!TraceState.TryWrite(state, buffer, out var length) || length == 0 || length > maxLength)
        {
            return false;
        }

        output.Add(name, buffer[..length]);
        return true;
    }

    /// <summary>All lines of the client's baggage come back as one.</summary>
    private static void AddBaggage(HeaderList request, HeaderList client)
    {
        var length = Baggage.JoinedLength(request);
        if (length > 0)
        {
            var name = client.Append(HeaderNames.Baggage.Length, length, out var value);
            HeaderNames.Baggage.CopyTo(name);
            Baggage.Join(request, value);
        }
    }

    private static bool TryCutPart(ref ReadOnlySpan<byte> text, out ReadOnlySpan<byte> part)
    {
        var dash = text.IndexOf((byte)'-');
        part = dash < 0 ? default : text[..dash];
        text = dash < 0 ? text : text[(dash + 1)..];
        return dash >= 0;
    }

    private static bool IsId(ReadOnlySpan<byte> text, int length)
    {
        if (text.Length != length || text.ContainsAnyExcept(LowerHexDigits))
        {
            return false;
        }

        return text.ContainsAnyExcept((byte)'0');
    }

    private static bool IsHex(ReadOnlySpan<byte> text) => !text.ContainsAnyExcept(HexDigits);

    private static bool TryReadHexByte(ReadOnlySpan<byte> text, out int value)
    {
        value = 0;
        if (text.Length < 2 || !IsHex(text[..2]))
        {
            return false;
        }

        value = (HexValue(text[0]) << 4) | HexValue(text[1]);
        return true;
    }

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    internal static byte LowerHex(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);
}
