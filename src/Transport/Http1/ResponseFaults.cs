using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Transport.Http1;

/// <summary>
/// The texts of Go's net/http client (transport.go, response.go, transfer.go, internal/chunked.go, net/textproto), which Dapr puts into its answers.
/// </summary>
internal static class ResponseFaults
{
    // persistConn.mapRoundTripError: whatever goes wrong after the first byte of a head.
    private const string Broken = "net/http: HTTP/1.x transport connection broken: ";

    public static Http1ResponseException ClosedBeforeResponse(bool neverReceived) =>
        new(Http1ResponseFault.ClosedBeforeResponse, "EOF") { NeverReceived = neverReceived };

    public static Http1ResponseException ClosedInHead() => new(Http1ResponseFault.ClosedInHead, Broken + "unexpected EOF");

    public static Http1ResponseException ClosedInBody() => new(Http1ResponseFault.ClosedInBody, "unexpected EOF");

    public static Http1ResponseException ClosedInChunks() => new(Http1ResponseFault.ClosedInChunks, "unexpected EOF");

    public static Http1ResponseException HeadTooLarge(int limit) => new(
        Http1ResponseFault.HeadTooLarge,
        string.Create(CultureInfo.InvariantCulture, $"{Broken}net/http: server response headers exceeded {limit} bytes; aborted"));

    public static Http1ResponseException Malformed(string what) => new(Http1ResponseFault.Malformed, Broken + what);

    public static Http1ResponseException Malformed(string what, ReadOnlySpan<byte> quoted) => Malformed($"{what} {GoText.Quote(quoted)}");

    public static Http1ResponseException MalformedHeaderLine(ReadOnlySpan<byte> line) =>
        Malformed("malformed MIME header line: " + GoText.Quote(line));

    public static Http1ResponseException MalformedChunk(string what) => new(Http1ResponseFault.MalformedChunk, what);

    /// <summary>A read failed. Inside a head the text carries Go's prefix, before and behind it it does not.</summary>
    public static Http1ResponseException Reset(IOException cause, bool inHead, EndPoint? local, EndPoint? remote, bool neverReceived)
    {
        var text = cause.InnerException is SocketException error
            ? $"read {Network(remote)} {local}->{remote}: read: {Lower(error)}"
            : cause.Message;
        return new Http1ResponseException(Http1ResponseFault.Reset, inHead ? Broken + text : text, cause) { NeverReceived = neverReceived };
    }

    private static string Network(EndPoint? remote) => remote is UnixDomainSocketEndPoint ? "unix" : "tcp";

    private static string Lower(SocketException error) => error.SocketErrorCode switch
    {
        SocketError.ConnectionReset => "connection reset by peer",
        SocketError.TimedOut => "connection timed out",
        _ => error.Message.ToLowerInvariant(),
    };
}
