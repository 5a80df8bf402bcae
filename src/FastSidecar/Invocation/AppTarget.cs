using System.Buffers;

namespace FastSidecar.Invocation;

/// <summary>
/// The request target an HTTP app (or an external server) sees for a method and a query. Dapr joins base address, method and query to a
/// URL, which Go parses once more: a percent sign in the method is an escape again, and a <c>#</c> in the query ends it (Dapr
/// <c>pkg/channel/http/http_channel.go</c> constructRequest).
/// </summary>
internal static class AppTarget
{
    /// <summary>
    /// Writes the target for the app at <paramref name="baseAddress"/> (scheme, host and port, nothing behind). Returns null, or Go's error
    /// text when the joined URL cannot be parsed; then nothing has been written.
    /// </summary>
    /// <param name="method">In normal form (<see cref="MethodPath"/>).</param>
    /// <param name="query">Without the question mark; empty for none.</param>
    /// <param name="baseAddress">Only the error text shows it.</param>
    /// <param name="output">Receives the target.</param>
    public static string? Build(
        ReadOnlySpan<byte> method,
        ReadOnlySpan<byte> query,
        ReadOnlySpan<byte> baseAddress,
        IBufferWriter<byte> output)
    {
        if (IsPlain(method) && IsPlainQuery(query))
        {
            if (method.IsEmpty || method[0] != '/')
            {
                output.Write("/"u8);
            }

            output.Write(method);
            if (!query.IsEmpty)
            {
                output.Write("?"u8);
                output.Write(query);
            }

            return null;
        }

        if (!TryBuildUrl(method, query, baseAddress, out var url, out var error))
        {
            return error;
        }

        url.WriteRequestTarget(output);
        return null;
    }

    /// <summary>
    /// The whole URL of a call, for targets whose base address may carry a path, a user or a query of its own (external targets). False
    /// with Go's error text.
    /// </summary>
    public static bool TryBuildUrl(
        ReadOnlySpan<byte> method,
        ReadOnlySpan<byte> query,
        ReadOnlySpan<byte> baseAddress,
        out GoUrl url,
        out string? error)
    {
        var text = new ArrayBufferWriter<byte>(baseAddress.Length + method.Length + query.Length + 2);
        WriteUrl(method, query, baseAddress, text);
        return GoUrl.TryParse(text.WrittenSpan, out url, out error);
    }

    /// <summary>The joined URL as text: Dapr's messages about a failed call show it (<c>Post "http://127.0.0.1:3000/m": EOF</c>).</summary>
    public static void WriteUrl(
        ReadOnlySpan<byte> method,
        ReadOnlySpan<byte> query,
        ReadOnlySpan<byte> baseAddress,
        IBufferWriter<byte> output)
    {
        output.Write(baseAddress);
        Span<byte> small = stackalloc byte[256];
        var cleaned = method.Length < small.Length ? small : new byte[method.Length + 1];
        var path = cleaned[..GoPath.Clean(method, cleaned)];
        if (!path.SequenceEqual("."u8))
        {
            if (path[0] != '/')
            {
                output.Write("/"u8);
            }

            output.Write(path);
        }

        if (!query.IsEmpty)
        {
            output.Write("?"u8);
            output.Write(query);
        }
    }

    /// <summary>Nothing in it that Go would spell differently: the usual case, written without building a URL.</summary>
    private static bool IsPlain(ReadOnlySpan<byte> method) =>
        GoEscape.IsPlainPath(method) && (method.IsEmpty || GoPath.IsClean(method)) && !method.StartsWith("."u8);

    private static bool IsPlainQuery(ReadOnlySpan<byte> query)
    {
        foreach (var value in query)
        {
            if (value is < 0x20 or 0x7f or (byte)'#')
            {
                return false;
            }
        }

        return true;
    }
}
