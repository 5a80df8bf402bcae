using System.Buffers;
using System.Text;

namespace FastSidecar.Invocation;

/// <summary>Names of header fields and what they mean for forwarding. Comparisons ignore ASCII case.</summary>
internal static class HeaderNames
{
    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    public static ReadOnlySpan<byte> Connection => "Connection"u8;

    public static ReadOnlySpan<byte> ContentLength => "Content-Length"u8;

    public static ReadOnlySpan<byte> ContentType => "Content-Type"u8;

    public static ReadOnlySpan<byte> Baggage => "Baggage"u8;

    public static ReadOnlySpan<byte> TraceParent => "Traceparent"u8;

    public static ReadOnlySpan<byte> TraceState => "Tracestate"u8;

    /// <summary>Chooses the target app in the header form of an invocation.</summary>
    public static ReadOnlySpan<byte> DaprAppId => "dapr-app-id"u8;

    public static ReadOnlySpan<byte> DaprApiToken => "dapr-api-token"u8;

    /// <summary>
    /// Added by the calling sidecar; its spelling in lower case tells the real one from what a client sent through a daprd.
    /// </summary>
    public static ReadOnlySpan<byte> CallerAppId => "dapr-caller-app-id"u8;

    public static ReadOnlySpan<byte> CallerNamespace => "dapr-caller-namespace"u8;

    public static ReadOnlySpan<byte> CalleeAppId => "dapr-callee-app-id"u8;

    /// <summary>Marks the target inside the wire's metadata; no app ever sees it.</summary>
    public static ReadOnlySpan<byte> DestinationAppId => "destination-app-id"u8;

    public static ReadOnlySpan<byte> ForwardedFor => "X-Forwarded-For"u8;

    public static ReadOnlySpan<byte> ForwardedHost => "X-Forwarded-Host"u8;

    public static ReadOnlySpan<byte> Forwarded => "Forwarded"u8;

    /// <summary>Every byte may stand in a field name (RFC 9110 §5.1).</summary>
    public static bool IsToken(ReadOnlySpan<byte> name) => !name.IsEmpty && name.IndexOfAnyExcept(TokenBytes) < 0;

    public static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> other) =>
        name.Length == other.Length && Ascii.EqualsIgnoreCase(name, other);

    /// <summary>
    /// Go's canonical spelling: a capital at the start and after each hyphen, the rest in lower case; a name with a byte that no header may
    /// have stays as it is (Go <c>net/textproto</c> CanonicalMIMEHeaderKey). Same length as the name.
    /// </summary>
    public static void WriteCanonical(ReadOnlySpan<byte> name, Span<byte> output)
    {
        name.CopyTo(output);
        if (name.IndexOfAnyExcept(TokenBytes) >= 0)
        {
            return;
        }

        var startsWord = true;
        for (var i = 0; i < name.Length; i++)
        {
            var value = output[i];
            if (startsWord && value is >= (byte)'a' and <= (byte)'z')
            {
                output[i] = (byte)(value - 0x20);
            }
            else if (!startsWord && value is >= (byte)'A' and <= (byte)'Z')
            {
                output[i] = (byte)(value + 0x20);
            }

            startsWord = value == '-';
        }
    }

    /// <summary>
    /// Fields that concern one connection only, as Dapr lists them (RFC 9110 §7.6.1; Dapr <c>pkg/messaging/v1/util.go</c>
    /// IsHopByHopHeader).
    /// </summary>
    public static bool IsHopByHop(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => Is(name, "te"u8),
        7 => Is(name, "upgrade"u8) || Is(name, "trailer"u8),
        10 => Is(name, "connection"u8) || Is(name, "keep-alive"u8),
        14 => Is(name, "http2-settings"u8),
        16 => Is(name, "proxy-connection"u8),
        17 => Is(name, "transfer-encoding"u8),
        18 => Is(name, "proxy-authenticate"u8),
        19 => Is(name, "proxy-authorization"u8),
        _ => false,
    };

    /// <summary>The three that tell an app who calls it.</summary>
    public static bool IsCallerIdentity(ReadOnlySpan<byte> name) => name.Length switch
    {
        18 => Is(name, CallerAppId) || Is(name, CalleeAppId),
        21 => Is(name, CallerNamespace),
        _ => false,
    };

    /// <summary>Whether the calling sidecar adds a field of that name.</summary>
    public static bool IsAddedBySidecar(ReadOnlySpan<byte> name) => name.Length switch
    {
        9 => Is(name, Forwarded),
        15 => Is(name, ForwardedFor),
        16 => Is(name, ForwardedHost),
        _ => IsCallerIdentity(name),
    };

    /// <summary>gRPC's binary metadata; it never becomes an HTTP header.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> name) => name.Length >= 4 && Is(name[^4..], "-bin"u8);

    public static bool IsReservedByGrpc(ReadOnlySpan<byte> name) => name.Length >= 5 && Is(name[..5], "grpc-"u8);
}
