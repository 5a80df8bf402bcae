using System.Buffers;
using System.Runtime.CompilerServices;
using FastSidecar.Protocol;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>What of a client's request the caller does not pass on.</summary>
/// <param name="DropAppId">The target was named by the <c>dapr-app-id</c> header: no line of it goes further.</param>
/// <param name="DropApiToken">The API token was checked here, and is nobody else's business.</param>
/// <param name="ToPeer">
/// The call leaves for another sidecar, and this one adds its own fields (<see cref="CallerHeaders"/>). A client's imitation of the
/// caller's identity is dropped, and the client's <c>Connection</c> cannot name what the sidecar adds.
/// </param>
internal readonly record struct ClientHeaderOptions(bool DropAppId, bool DropApiToken, bool ToPeer);

/// <summary>
/// Which header fields cross each of the four borders of an invocation: client → wire → app, and app → wire → client. A call of the own app
/// crosses both borders of a direction, one after the other, without a wire between. Fields keep their order; names are written in Go's
/// canonical spelling. The trace fields are <see cref="TraceHeaders"/>' business from the second border on (Dapr
/// <c>pkg/messaging/v1/util.go</c>, <c>pkg/channel/http/http_channel.go</c>).
/// </summary>
internal static class HeaderRules
{
    /// <summary>What a field's name may consist of (RFC 9110 §5.6.2).</summary>
    private static readonly SearchValues<byte> TokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static ReadOnlySpan<byte> DaprPrefix => "Dapr-"u8;

    /// <summary>
    /// The caller's border: from what the client sent to the metadata of the internal request. Nearly everything travels, hop-by-hop fields
    /// too, since the callee decides on them; what Go's server takes out of a request (Host, Transfer-Encoding) does not.
    /// </summary>
    public static void ClientToMetadata(HeaderList client, ClientHeaderOptions options, HeaderList metadata)
    {
        var dropped = Dropped(options, isChunked: client.Contains("Transfer-Encoding"u8));
        var seen = HeaderRole.None;
        for (var i = 0; i < client.Count; i++)
        {
            var name = client.Name(i);
            var role = HeaderRoles.Of(name);

            // Several lengths are the same number, and one line.
            if (role.IsAny(dropped | (seen & HeaderRole.ContentLength)))
            {
                continue;
            }

            seen |= role;
            if (options.ToPeer && role.IsAny(HeaderRole.Connection))
            {
                AddConnection(metadata, client.Value(i));
                continue;
            }

            AddCanonical(metadata, role, name, client.Value(i));
        }

        AddCacheControl(seen, metadata);
    }

    /// <summary>
    /// The callee's border: from the metadata to the request its HTTP app gets. Content-Type comes from the message itself; Content-Length
    /// and the trace fields are left to the sender (<see cref="TryReadContentLength"/>, <see cref="TraceHeaders"/>).
    /// </summary>
    /// <param name="metadata">From the wire, or of a call of the own app.</param>
    /// <param name="contentType">The message's content type; empty for none.</param>
    /// <param name="fromPeer">
    /// A peer sent it, so it holds that sidecar's own fields: <c>Connection</c> cannot name them, and the real caller wins over an
    /// imitation.
    /// </param>
    /// <param name="app">Receives the fields.</param>
    /// <exception cref="ArgumentException">A peer sent a name that HTTP does not allow.</exception>
    public static void MetadataToApp(HeaderList metadata, ReadOnlySpan<byte> contentType, bool fromPeer, HeaderList app)
    {
        var tokens = new ConnectionTokens(metadata);
        var namesFields = tokens.NamesFurtherFields();
        var seen = HeaderRole.None;
        var real = HeaderRole.None;
        for (var i = 0; i < metadata.Count; i++)
        {
            var name = metadata.Name(i);
            var value = metadata.Value(i);
            var role = HeaderRoles.Of(name);
            if (role.IsAny(HeaderRole.KeptFromHttp | HeaderRole.Host))
            {
                continue;
            }

            if (role.IsAny(HeaderRole.Baggage))
            {
                AddFirst(app, HeaderNames.Baggage, value, ref seen, HeaderRole.Baggage);
                continue;
            }

            var isProtected = fromPeer && role.IsAny(HeaderRole.AddedBySidecar);
            if (isProtected ? IsImitation(metadata, i, role, ref real) : namesFields && tokens.Contains(name))
            {
                continue;
            }

            if (role.IsAny(HeaderRole.UserAgent))
            {
                // Go sends the first one only, and none when that is empty.
                if (!value.IsEmpty)
                {
                    AddFirst(app, HeaderNames.UserAgent, value, ref seen, HeaderRole.UserAgent);
                }

                seen |= HeaderRole.UserAgent;
                continue;
            }

            if (!role.IsAny(HeaderRole.Exact) && name.ContainsAnyExcept(TokenBytes) && !role.IsAny(HeaderRole.Pseudo))
            {
                // No HTTP client's, but a gRPC peer may say anything. The words are those of Go's client.
                throw new ArgumentException($"net/http: invalid header field name {GoText.Quote(name)}");
            }

            AddForwarded(app, role, name, value);
        }

        if (!contentType.IsEmpty)
        {
            app.Add(HeaderNames.ContentType, contentType);
        }
    }

    /// <summary>
    /// The callee's border on the way back: from what the app answered to the metadata of the internal response. The body's length never
    /// travels.
    /// </summary>
    /// <param name="app">The fields of the app's final answer.</param>
    /// <param name="isHttp10">
    /// Of the app's answer. In HTTP/1.1 Go takes a <c>Connection</c> with <c>close</c> out before anybody looks, so the names beside it are
    /// not dropped.
    /// </param>
    /// <param name="metadata">Receives the fields.</param>
    /// <returns>Where in <paramref name="app"/> the first Content-Type stands, or −1.</returns>
    public static int AppToMetadata(HeaderList app, bool isHttp10, HeaderList metadata)
    {
        var tokens = new ConnectionTokens(app);
        var namesFields = tokens.NamesFurtherFields() && (isHttp10 || !tokens.Contains("close"u8));
        var seen = HeaderRole.None;
        var contentType = -1;
        for (var i = 0; i < app.Count; i++)
        {
            var name = app.Name(i);
            var role = HeaderRoles.Of(name);
            if (contentType < 0 && role.IsAny(HeaderRole.ContentType))
            {
                contentType = i;
            }

            if (role.IsAny(HeaderRole.HopByHop | HeaderRole.ContentLength) || (namesFields && tokens.Contains(name)))
            {
                continue;
            }

            seen |= role;
            AddCanonical(metadata, role, name, app.Value(i));
        }

        AddCacheControl(seen, metadata);
        return contentType;
    }

    /// <summary>
    /// The caller's border on the way back: from the response's metadata to what the client gets. Call
    /// <see cref="TraceHeaders.AddToClient"/> first: the client's own baggage stands before the app's.
    /// </summary>
    /// <param name="metadata">From the wire, or of a call of the own app.</param>
    /// <param name="contentType">The message's content type; empty for none.</param>
    /// <param name="client">Receives the fields, beside those it has (CORS).</param>
    public static void MetadataToClient(HeaderList metadata, ReadOnlySpan<byte> contentType, HeaderList client)
    {
        var tokens = new ConnectionTokens(metadata);
        var namesFields = tokens.NamesFurtherFields();
        var seen = HeaderRole.None;
        for (var i = 0; i < metadata.Count; i++)
        {
            var name = metadata.Name(i);
            var value = metadata.Value(i);
            var role = HeaderRoles.Of(name);
            if (role.IsAny(HeaderRole.KeptFromHttp))
            {
                continue;
            }

            if (role.IsAny(HeaderRole.Baggage))
            {
                AddFirst(client, HeaderNames.Baggage, value, ref seen, HeaderRole.Baggage);
            }
            else if (!(namesFields && tokens.Contains(name)))
            {
                AddForwarded(client, role, name, value);
            }
        }

        if (!contentType.IsEmpty)
        {
            client.Add(HeaderNames.ContentType, contentType);
        }
    }

    /// <summary>
    /// The length the client announced, from the metadata; −1 when it announced none. False when a peer sent something that is no number.
    /// </summary>
    public static bool TryReadContentLength(HeaderList metadata, out long length)
    {
        length = -1;
        return !metadata.TryGet(HeaderNames.ContentLength, out var value) ||
            (System.Buffers.Text.Utf8Parser.TryParse(value, out length, out var consumed) && consumed == value.Length && length >= 0);
    }

    /// <summary>What Go's server takes out of a request, and what the options say.</summary>
    private static HeaderRole Dropped(ClientHeaderOptions options, bool isChunked)
    {
        var dropped = HeaderRole.Host | HeaderRole.TransferEncoding;
        dropped |= isChunked ? HeaderRole.Trailer | HeaderRole.ContentLength : 0;
        dropped |= options.DropAppId ? HeaderRole.DaprAppId : 0;
        dropped |= options.DropApiToken ? HeaderRole.DaprApiToken : 0;
        dropped |= options.ToPeer ? HeaderRole.CallerIdentity | HeaderRole.DestinationAppId : 0;
        return dropped;
    }

    /// <summary>Passes a Connection field on, without tokens that would hide the sidecar's own fields at the callee.</summary>
    private static void AddConnection(HeaderList metadata, ReadOnlySpan<byte> value)
    {
        var rest = value;
        var hides = false;
        while (!hides && ConnectionTokens.TryCut(ref rest, out var token))
        {
            hides = HeaderNames.IsAddedBySidecar(token);
        }

        if (!hides)
        {
            metadata.Add(HeaderNames.Connection, value);
            return;
        }

        rest = value;
        while (ConnectionTokens.TryCut(ref rest, out var token))
        {
            if (!HeaderNames.IsAddedBySidecar(token))
            {
                metadata.Add(HeaderNames.Connection, token);
            }
        }
    }

    /// <summary>
    /// A caller's identity that is not the one the peer's sidecar wrote. A daprd passes a client's <c>Dapr-Caller-App-Id</c> on beside its
    /// own <c>dapr-caller-app-id</c>; only the spelling tells them apart.
    /// </summary>
    /// <param name="metadata">All that the peer sent.</param>
    /// <param name="index">Of the field in question.</param>
    /// <param name="role">Its name's.</param>
    /// <param name="real">The identities met so far that were the real ones.</param>
    private static bool IsImitation(HeaderList metadata, int index, HeaderRole role, ref HeaderRole real)
    {
        if (!role.IsAny(HeaderRole.CallerIdentity))
        {
            return false;
        }

        if (role.IsAny(HeaderRole.Exact))
        {
            var isSecond = real.IsAny(role & HeaderRole.CallerIdentity);
            real |= role & HeaderRole.CallerIdentity;
            return isSecond;
        }

        // Wins only where the real one is missing, and only the first.
        var name = metadata.Name(index);
        for (var i = metadata.IndexOf(name); i >= 0; i = metadata.IndexOf(name, i + 1))
        {
            if (i < index || HeaderRoles.Of(metadata.Name(i)).IsAny(HeaderRole.Exact))
            {
                return true;
            }
        }

        return false;
    }

    private static void AddForwarded(HeaderList output, HeaderRole role, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (role.IsAny(HeaderRole.Pseudo | HeaderRole.ReservedByGrpc))
        {
            // From callers that speak gRPC; a pseudo header loses its colon.
            var rest = role.IsAny(HeaderRole.Pseudo) ? name[1..] : name;
            var renamed = output.Append(DaprPrefix.Length + rest.Length, value.Length, out var valueSpan);
            DaprPrefix.CopyTo(renamed);
            HeaderNames.WriteCanonical(rest, renamed[DaprPrefix.Length..]);
            value.CopyTo(valueSpan);
            return;
        }

        AddCanonical(output, role, name, value);
    }

    /// <summary>Adds the first of several fields of that role.</summary>
    private static void AddFirst(HeaderList output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref HeaderRole seen, HeaderRole role)
    {
        if (!seen.IsAny(role))
        {
            output.Add(name, value);
            seen |= role;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddCanonical(HeaderList output, HeaderRole role, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if ((role & (HeaderRole.Dapr | HeaderRole.Exact)) == HeaderRole.Exact)
        {
            output.Add(name, value);
            return;
        }

        AddRespelt(output, role, name, value);
    }

    private static void AddRespelt(HeaderList output, HeaderRole role, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var known = (role & ~HeaderRole.Exact) switch
        {
            HeaderRole.CallerAppId => "Dapr-Caller-App-Id"u8,
            HeaderRole.CallerNamespace => "Dapr-Caller-Namespace"u8,
            HeaderRole.CalleeAppId => "Dapr-Callee-App-Id"u8,
            _ => default,
        };
        if (!known.IsEmpty)
        {
            output.Add(known, value);
            return;
        }

        HeaderNames.WriteCanonical(name, output.Append(name.Length, value.Length, out var valueSpan));
        value.CopyTo(valueSpan);
    }

    /// <summary>
    /// Go's reader of messages says <c>Cache-Control: no-cache</c> where only the older <c>Pragma: no-cache</c> stands (Go <c>net/http</c>
    /// fixPragmaCacheControl).
    /// </summary>
    private static void AddCacheControl(HeaderRole seen, HeaderList metadata)
    {
        if (seen.IsAny(HeaderRole.Pragma) && metadata.TryGet("Pragma"u8, out var pragma) && pragma.SequenceEqual("no-cache"u8) &&
            !metadata.Contains("Cache-Control"u8))
        {
            metadata.Add("Cache-Control"u8, "no-cache"u8);
        }
    }
}
