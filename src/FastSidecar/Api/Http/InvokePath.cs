using System.Buffers;
using System.Buffers.Text;
using System.Text;
using FastSidecar.Invocation;

namespace FastSidecar.Api.Http;

/// <summary>Where a request to the HTTP API names the app it is for.</summary>
internal enum InvokeForm
{
    /// <summary>Nowhere: 404, no app id.</summary>
    None,

    /// <summary>Header <c>dapr-app-id</c>. The caller drops that header, every line of it, before it forwards the request.</summary>
    Header,

    /// <summary>User <c>dapr-app-id</c> of basic authentication. The Authorization header is forwarded as it came.</summary>
    BasicUser,

    /// <summary><c>/v1.0/invoke/{id}/method/{method}</c>.</summary>
    Path,
}

/// <summary>
/// Who is called and with which method, found in one of three places in strict precedence (Dapr <c>pkg/api/http/directmessaging.go</c>
/// findTargetIDAndMethod). Works on the decoded path of the request's target, whatever route it took here.
/// </summary>
/// <param name="Form">Where the id was found.</param>
/// <param name="TargetId">The id, decoded; see <see cref="AppId"/> for what it may name. Empty when there is none.</param>
/// <param name="Method">Not yet normalised (<see cref="MethodPath"/>).</param>
internal readonly record struct InvokePath(InvokeForm Form, byte[] TargetId, byte[] Method)
{
    public static readonly InvokePath None = new(InvokeForm.None, [], []);

    private static ReadOnlySpan<byte> MethodSegment => "/method/"u8;

    private static ReadOnlySpan<byte> BasicScheme => "Basic "u8;

    /// <summary>All three forms.</summary>
    /// <param name="decodedPath">The target's path (<see cref="GoUrl.Path"/>).</param>
    /// <param name="appIdHeader">The first <c>dapr-app-id</c> line; an empty one is as none.</param>
    /// <param name="authorization">The first <c>Authorization</c> line.</param>
    public static InvokePath Find(ReadOnlySpan<byte> decodedPath, ReadOnlySpan<byte> appIdHeader, ReadOnlySpan<byte> authorization)
    {
        if (!appIdHeader.IsEmpty)
        {
            return new InvokePath(InvokeForm.Header, appIdHeader.ToArray(), WholePathMethod(decodedPath));
        }

        if (TryReadBasicUser(authorization, out var id))
        {
            // An empty id ends the search: the path is not looked at any more.
            return id.Length == 0 ? None : new InvokePath(InvokeForm.BasicUser, id, WholePathMethod(decodedPath));
        }

        return FromPath(decodedPath);
    }

    /// <summary>
    /// The method of the header forms: the whole path, cleaned, without its leading slash. Depends on the target alone, so it may be cached
    /// with it.
    /// </summary>
    public static byte[] WholePathMethod(ReadOnlySpan<byte> decodedPath)
    {
        var cleaned = Clean(decodedPath);
        return cleaned[0] == '/' ? cleaned[1..] : cleaned;
    }

    /// <summary>The path form alone. Depends on the target alone, so it may be cached with it.</summary>
    public static InvokePath FromPath(ReadOnlySpan<byte> decodedPath)
    {
        var rest = decodedPath;
        if (!TrySkipSegment(ref rest, "v1.0"u8) || !TrySkipSegment(ref rest, "invoke"u8))
        {
            return None;
        }

        rest = rest.TrimStart((byte)'/');
        var end = rest.IndexOf(MethodSegment);
        if (end <= 0)
        {
            return None;
        }

        var method = Clean(rest[(end + MethodSegment.Length)..]);
        return new InvokePath(InvokeForm.Path, DecodeId(rest[..end]), method is [(byte)'.'] ? [] : method);
    }

    /// <summary>The id in <c>Authorization: Basic</c>, when the user is <c>dapr-app-id</c>; it may be empty.</summary>
    public static bool TryReadBasicUser(ReadOnlySpan<byte> authorization, out byte[] id)
    {
        id = [];
        if (!authorization.StartsWith(BasicScheme))
        {
            return false;
        }

        // .NET's decoder skips white space, Go's does not.
        var encoded = authorization[BasicScheme.Length..];
        if (encoded.ContainsAny(" \t\r\n"u8))
        {
            return false;
        }

        var buffer = new byte[Base64.GetMaxDecodedFromUtf8Length(encoded.Length)];
        if (Base64.DecodeFromUtf8(encoded, buffer, out var consumed, out var length) != OperationStatus.Done || consumed != encoded.Length)
        {
            return false;
        }

        var decoded = buffer.AsSpan(0, length);
        var colon = decoded.IndexOf((byte)':');
        if (colon < 0 || !Ascii.EqualsIgnoreCase(decoded[..colon], "dapr-app-id"u8) || decoded[(colon + 1)..].Contains((byte)':'))
        {
            return false;
        }

        id = decoded[(colon + 1)..].ToArray();
        return true;
    }

    /// <summary>Skips slashes, the segment and at least one slash behind it.</summary>
    private static bool TrySkipSegment(ref ReadOnlySpan<byte> path, ReadOnlySpan<byte> segment)
    {
        var trimmed = path.TrimStart((byte)'/');
        if (!trimmed.StartsWith(segment) || trimmed.Length == segment.Length || trimmed[segment.Length] != '/')
        {
            return false;
        }

        path = trimmed[(segment.Length + 1)..];
        return true;
    }

    /// <summary>The id is unescaped once more, as in a query; where that fails it stays as it is.</summary>
    private static byte[] DecodeId(ReadOnlySpan<byte> id)
    {
        var decoded = new byte[id.Length];
        return GoEscape.TryUnescape(id, UrlPart.QueryComponent, decoded, out var length, out _)
            ? decoded.AsSpan(0, length).ToArray()
            : id.ToArray();
    }

    private static byte[] Clean(ReadOnlySpan<byte> path)
    {
        var cleaned = new byte[path.Length + 1];
        return cleaned.AsSpan(0, GoPath.Clean(path, cleaned)).ToArray();
    }
}
