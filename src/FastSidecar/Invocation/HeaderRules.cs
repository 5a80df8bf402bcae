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
    private static ReadOnlySpan<byte> DaprPrefix => "Dapr-"u8;

    /// <summary>
    /// The caller's border: from what the client sent to the metadata of the internal request. Nearly everything travels, hop-by-hop fields
    /// too, since the callee decides on them; what Go's server takes out of a request (Host, Transfer-Encoding) does not.
    /// </summary>
    public static void ClientToMetadata(HeaderList client, ClientHeaderOptions options, HeaderList metadata)
    {
        var isChunked = client.Contains("Transfer-Encoding"u8);
        var hasLength = false;
        for (var i = 0; i < client.Count; i++)
        {
            var name = client.Name(i);
            var value = client.Value(i);
            if (IsTakenByServer(name, isChunked) || IsDropped(name, options))
            {
                continue;
            }

            if (HeaderNames.Is(name, HeaderNames.ContentLength))
            {
                // Several lines with the same number are one.
                if (hasLength)
                {
                    continue;
                }

                hasLength = true;
            }

            if (options.ToPeer && HeaderNames.Is(name, HeaderNames.Connection))
            {
                AddConnection(metadata, value);
                continue;
            }

            AddCanonical(metadata, default, name, value);
        }

        AddCacheControl(metadata);
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
    public static void MetadataToApp(HeaderList metadata, ReadOnlySpan<byte> contentType, bool fromPeer, HeaderList app)
    {
        var tokens = new ConnectionTokens(metadata);
        var hasUserAgent = false;
        var hasBaggage = false;
        for (var i = 0; i < metadata.Count; i++)
        {
            var name = metadata.Name(i);
            var value = metadata.Value(i);
            if (IsKeptFromHttp(name) || HeaderNames.Is(name, "host"u8))
            {
                continue;
            }

            if (HeaderNames.Is(name, HeaderNames.Baggage))
            {
                AddFirst(app, HeaderNames.Baggage, value, ref hasBaggage);
                continue;
            }

            var isProtected = fromPeer && HeaderNames.IsAddedBySidecar(name);
            if (isProtected ? IsImitation(metadata, i) : tokens.Contains(name))
            {
                continue;
            }

            if (HeaderNames.Is(name, "user-agent"u8))
            {
                // Go sends the first one only, and none when that is empty.
                if (!hasUserAgent && !value.IsEmpty)
                {
                    app.Add("User-Agent"u8, value);
                }

                hasUserAgent = true;
                continue;
            }

            AddForwarded(app, name, value);
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
    public static void AppToMetadata(HeaderList app, bool isHttp10, HeaderList metadata)
    {
        var tokens = new ConnectionTokens(app);
        var namesNothing = !isHttp10 && tokens.Contains("close"u8);
        for (var i = 0; i < app.Count; i++)
        {
            var name = app.Name(i);
            if (HeaderNames.IsHopByHop(name) || HeaderNames.Is(name, HeaderNames.ContentLength) || (!namesNothing && tokens.Contains(name)))
            {
                continue;
            }

            AddCanonical(metadata, default, name, app.Value(i));
        }

        AddCacheControl(metadata);
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
        var hasBaggage = false;
        for (var i = 0; i < metadata.Count; i++)
        {
            var name = metadata.Name(i);
            var value = metadata.Value(i);
            if (IsKeptFromHttp(name))
            {
                continue;
            }

            if (HeaderNames.Is(name, HeaderNames.Baggage))
            {
                AddFirst(client, HeaderNames.Baggage, value, ref hasBaggage);
            }
            else if (!tokens.Contains(name))
            {
                AddForwarded(client, name, value);
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

    private static bool IsTakenByServer(ReadOnlySpan<byte> name, bool isChunked) => name.Length switch
    {
        4 => HeaderNames.Is(name, "host"u8),
        7 => isChunked && HeaderNames.Is(name, "trailer"u8),
        14 => isChunked && HeaderNames.Is(name, HeaderNames.ContentLength),
        17 => HeaderNames.Is(name, "transfer-encoding"u8),
        _ => false,
    };

    private static bool IsDropped(ReadOnlySpan<byte> name, ClientHeaderOptions options) =>
        (options.DropAppId && HeaderNames.Is(name, HeaderNames.DaprAppId)) ||
        (options.DropApiToken && HeaderNames.Is(name, HeaderNames.DaprApiToken)) ||
        (options.ToPeer && (HeaderNames.IsCallerIdentity(name) || HeaderNames.Is(name, HeaderNames.DestinationAppId)));

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

    /// <summary>What never becomes a header of an HTTP message on the far side, or does so by other means.</summary>
    private static bool IsKeptFromHttp(ReadOnlySpan<byte> name) =>
        HeaderNames.IsHopByHop(name) ||
        HeaderNames.IsBinary(name) ||
        name.Length switch
        {
            10 => HeaderNames.Is(name, HeaderNames.TraceState),
            11 => HeaderNames.Is(name, HeaderNames.TraceParent),
            12 => HeaderNames.Is(name, HeaderNames.ContentType),
            14 => HeaderNames.Is(name, HeaderNames.ContentLength),
            18 => HeaderNames.Is(name, HeaderNames.DestinationAppId),
            _ => false,
        };

    /// <summary>
    /// A caller's identity that is not the one the peer's sidecar wrote. A daprd passes a client's <c>Dapr-Caller-App-Id</c> on beside its
    /// own <c>dapr-caller-app-id</c>; only the spelling tells them apart.
    /// </summary>
    private static bool IsImitation(HeaderList metadata, int index)
    {
        var name = metadata.Name(index);
        if (!HeaderNames.IsCallerIdentity(name))
        {
            return false;
        }

        var real = -1;
        for (var i = metadata.IndexOf(name); i >= 0 && real < 0; i = metadata.IndexOf(name, i + 1))
        {
            real = metadata.Name(i).ContainsAnyInRange((byte)'A', (byte)'Z') ? -1 : i;
        }

        return index != (real < 0 ? metadata.IndexOf(name) : real);
    }

    private static void AddForwarded(HeaderList output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.Length > 0 && name[0] == ':')
        {
            // gRPC's pseudo headers, from callers that speak it.
            AddCanonical(output, DaprPrefix, name[1..], value);
            return;
        }

        AddCanonical(output, HeaderNames.IsReservedByGrpc(name) ? DaprPrefix : default, name, value);
    }

    private static void AddFirst(HeaderList output, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ref bool hasOne)
    {
        if (!hasOne)
        {
            output.Add(name, value);
            hasOne = true;
        }
    }

    private static void AddCanonical(HeaderList output, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var nameSpan = output.Append(prefix.Length + name.Length, value.Length, out var valueSpan);
        prefix.CopyTo(nameSpan);
        HeaderNames.WriteCanonical(name, nameSpan[prefix.Length..]);
        value.CopyTo(valueSpan);
    }

    /// <summary>
    /// Go's reader of messages says <c>Cache-Control: no-cache</c> where only the older <c>Pragma: no-cache</c> stands (Go <c>net/http</c>
    /// fixPragmaCacheControl).
    /// </summary>
    private static void AddCacheControl(HeaderList metadata)
    {
        if (metadata.TryGet("Pragma"u8, out var pragma) && pragma.SequenceEqual("no-cache"u8) && !metadata.Contains("Cache-Control"u8))
        {
            metadata.Add("Cache-Control"u8, "no-cache"u8);
        }
    }
}
