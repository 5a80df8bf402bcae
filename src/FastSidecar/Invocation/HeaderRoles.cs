using System.Runtime.CompilerServices;

namespace FastSidecar.Invocation;

/// <summary>
/// Finds a name's role. Asked once for each field at each border, so length and one letter single out the only name it can be, and that one
/// is compared in its usual spelling first, which is a few instructions. Date and Server have no role, but nearly every answer has them:
/// known to be <see cref="HeaderRole.Exact"/> they are not spelt anew.
/// </summary>
internal static class HeaderRoles
{
    private const int CaseBit = 0x20;

    public static HeaderRole Of(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => Known(name, "Te"u8, HeaderRole.OtherHopByHop),
        4 => (name[0] | CaseBit) switch
        {
            'd' => Known(name, "Date"u8, HeaderRole.None),
            'h' => Known(name, "Host"u8, HeaderRole.Host),
            _ => Unknown(name),
        },
        6 => (name[0] | CaseBit) switch
        {
            'a' => Known(name, "Accept"u8, HeaderRole.Accept),
            'e' => Known(name, "Expect"u8, HeaderRole.Expect),
            'p' => Known(name, "Pragma"u8, HeaderRole.Pragma),
            's' => Known(name, "Server"u8, HeaderRole.None),
            _ => Unknown(name),
        },
        7 => (name[0] | CaseBit) switch
        {
            'b' => Known(name, HeaderNames.Baggage, HeaderRole.Baggage),
            't' => Known(name, "Trailer"u8, HeaderRole.Trailer),
            'u' => Known(name, "Upgrade"u8, HeaderRole.OtherHopByHop),
            _ => Unknown(name),
        },
        9 => Known(name, HeaderNames.Forwarded, HeaderRole.Forwarding),
        10 => (name[0] | CaseBit) switch
        {
            'c' => Known(name, HeaderNames.Connection, HeaderRole.Connection),
            'k' => Known(name, "Keep-Alive"u8, HeaderRole.OtherHopByHop),
            't' => Known(name, HeaderNames.TraceState, HeaderRole.Trace),
            'u' => Known(name, HeaderNames.UserAgent, HeaderRole.UserAgent),
            _ => Unknown(name),
        },
        11 => (name[0] | CaseBit) switch
        {
            'd' => Known(name, HeaderNames.DaprAppId, HeaderRole.DaprAppId),
            't' => Known(name, HeaderNames.TraceParent, HeaderRole.Trace),
            _ => Unknown(name),
        },
        12 => Known(name, HeaderNames.ContentType, HeaderRole.ContentType),
        13 => Known(name, "Authorization"u8, HeaderRole.Authorization),
        14 => (name[0] | CaseBit) switch
        {
            'c' => Known(name, HeaderNames.ContentLength, HeaderRole.ContentLength),
            'd' => Known(name, HeaderNames.DaprApiToken, HeaderRole.DaprApiToken),
            'h' => Known(name, "Http2-Settings"u8, HeaderRole.OtherHopByHop),
            _ => Unknown(name),
        },
        15 => Known(name, HeaderNames.ForwardedFor, HeaderRole.Forwarding),
        16 => (name[0] | CaseBit) switch
        {
            'p' => Known(name, "Proxy-Connection"u8, HeaderRole.OtherHopByHop),
            'x' => Known(name, HeaderNames.ForwardedHost, HeaderRole.Forwarding),
            _ => Unknown(name),
        },
        17 => Known(name, "Transfer-Encoding"u8, HeaderRole.TransferEncoding),

        // The three of Dapr's begin and end alike: dapr-caller, dapr-callee, destination.
        18 => (name[9] | CaseBit, name[10] | CaseBit) switch
        {
            ('e', 'r') => Known(name, HeaderNames.CallerAppId, HeaderRole.CallerAppId),
            ('e', 'e') => Known(name, HeaderNames.CalleeAppId, HeaderRole.CalleeAppId),
            ('o', 'n') => Known(name, HeaderNames.DestinationAppId, HeaderRole.DestinationAppId),
            ('h', 'e') => Known(name, "Proxy-Authenticate"u8, HeaderRole.OtherHopByHop),
            _ => Unknown(name),
        },
        19 => Known(name, "Proxy-Authorization"u8, HeaderRole.OtherHopByHop),
        21 => Known(name, HeaderNames.CallerNamespace, HeaderRole.CallerNamespace),
        _ => Unknown(name),
    };

    public static bool IsAny(this HeaderRole role, HeaderRole roles) => (role & roles) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static HeaderRole Known(ReadOnlySpan<byte> name, ReadOnlySpan<byte> usual, HeaderRole role) =>
        name.SequenceEqual(usual) ? role | HeaderRole.Exact : Folded(name, usual, role);

    private static HeaderRole Folded(ReadOnlySpan<byte> name, ReadOnlySpan<byte> usual, HeaderRole role) =>
        (name[^1] | CaseBit) == (usual[^1] | CaseBit) && HeaderNames.Is(name, usual) ? role : Unknown(name);

    private static HeaderRole Unknown(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty)
        {
            return HeaderRole.None;
        }

        if ((name[^1] | CaseBit) == 'n' && HeaderNames.IsBinary(name))
        {
            return HeaderRole.Binary;
        }

        return name[0] switch
        {
            (byte)':' => HeaderRole.Pseudo,
            (byte)'g' or (byte)'G' when HeaderNames.IsReservedByGrpc(name) => HeaderRole.ReservedByGrpc,
            _ => HeaderRole.None,
        };
    }
}
