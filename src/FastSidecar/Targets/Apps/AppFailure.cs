using System.Net.Sockets;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Transport.Http1;

namespace FastSidecar.Targets.Apps;

/// <summary>Words for a failed call to the app, as Go's HTTP client has them.</summary>
internal static class AppFailure
{
    /// <summary>What an HTTP app cannot be asked with; null for everything else. Only a gRPC caller can leave the verb out.</summary>
    public static InvokeError? OfVerb(InvokeRequest request) =>
        !request.HasHttpExtension ? ErrorTable.MissingHttpExtension
        : request.Verb is HttpVerb.None or HttpVerb.Connect ? ErrorTable.InvalidVerb
        : null;

    /// <summary>A failed call, as Go's client tells it: <c>Post "http://…": cause</c>.</summary>
    public static InvokeError OfCall(InvokeRequest request, byte[] baseUrl, byte[] target, string cause)
    {
        // Go prints the URL that it parsed from base and method: an empty method leaves no slash behind.
        var path = request.Method.Span.IsEmpty ? target.AsSpan(1) : target;
        var url = Encoding.Latin1.GetString(baseUrl) + Encoding.Latin1.GetString(path);
        return ErrorTable.AppCall(TitleCase(request.Verb), url, cause);
    }

    public static string Of(Exception exception) => exception switch
    {
        InvokeBodyException e => e.Error.Reason,
        Http1ResponseException e => e.Message,
        OperationCanceledException => "context canceled",
        _ => exception.Message,
    };

    public static string Describe(SocketException exception) => exception.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused",
        SocketError.HostUnreachable => "no route to host",
        SocketError.NetworkUnreachable => "network is unreachable",
        SocketError.TimedOut => "connection timed out",
        _ => exception.Message,
    };

    /// <summary>The verb as Go's url.Error has it: "Post".</summary>
    public static string TitleCase(HttpVerb verb) => verb switch
    {
        HttpVerb.Get => "Get",
        HttpVerb.Head => "Head",
        HttpVerb.Post => "Post",
        HttpVerb.Put => "Put",
        HttpVerb.Delete => "Delete",
        HttpVerb.Options => "Options",
        HttpVerb.Trace => "Trace",
        HttpVerb.Patch => "Patch",
        _ => verb.ToString(),
    };
}
