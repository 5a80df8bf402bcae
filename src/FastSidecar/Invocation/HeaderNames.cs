using System.Text;

namespace FastSidecar.Invocation;

/// <summary>Names of header fields and what they mean for forwarding. Comparisons ignore ASCII case.</summary>
internal static class HeaderNames
{
    /// <summary>Where the second half of <see cref="Spelling"/> begins.</summary>
    private const int WordStart = 256;

    /// <summary>
    /// What becomes of each byte in the canonical spelling: inside a word, and from <see cref="WordStart"/> on at its start. Zero for a
    /// byte that no header may have.
    /// </summary>
    private static readonly byte[] Spelling = CreateSpelling();

    private static ReadOnlySpan<byte> Token => "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8;

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

    public static ReadOnlySpan<byte> UserAgent => "User-Agent"u8;

    public static bool Is(ReadOnlySpan<byte> name, ReadOnlySpan<byte> other) =>
        name.Length == other.Length && Ascii.EqualsIgnoreCase(name, other);

    /// <summary>
    /// Go's canonical spelling: a capital at the start and after each hyphen, the rest in lower case; a name with a byte that no header may
    /// have stays as it is (Go <c>net/textproto</c> CanonicalMIMEHeaderKey). Same length as the name.
    /// </summary>
    public static void WriteCanonical(ReadOnlySpan<byte> name, Span<byte> output)
    {
        var spelling = Spelling;
        output = output[..name.Length];
        var start = WordStart;
        for (var i = 0; i < name.Length; i++)
        {
            var spelt = spelling[start + name[i]];
            if (spelt == 0)
            {
                name.CopyTo(output);
                return;
            }

            output[i] = spelt;
            start = spelt == '-' ? WordStart : 0;
        }
    }

    /// <summary>Fields that concern one connection only.</summary>
    public static bool IsHopByHop(ReadOnlySpan<byte> name) => HeaderRoles.Of(name).IsAny(HeaderRole.HopByHop);

    /// <summary>Whether the calling sidecar adds a field of that name.</summary>
    public static bool IsAddedBySidecar(ReadOnlySpan<byte> name) => HeaderRoles.Of(name).IsAny(HeaderRole.AddedBySidecar);

    /// <summary>gRPC's binary metadata; it never becomes an HTTP header.</summary>
    public static bool IsBinary(ReadOnlySpan<byte> name) => name.Length >= 4 && Is(name[^4..], "-bin"u8);

    public static bool IsReservedByGrpc(ReadOnlySpan<byte> name) => name.Length >= 5 && Is(name[..5], "grpc-"u8);

    private static byte[] CreateSpelling()
    {
        var spelling = new byte[2 * WordStart];
        foreach (var b in Token)
        {
            spelling[b] = b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b + 0x20) : b;
            spelling[WordStart + b] = b is >= (byte)'a' and <= (byte)'z' ? (byte)(b - 0x20) : b;
        }

        return spelling;
    }
}
