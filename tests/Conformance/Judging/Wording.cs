using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// Texts of errors. What Dapr writes must be equal: the beginning of a message, its gRPC codes, the request that failed, and sentences
/// of its own. What comes out of Go's HTTP, net, URL and gRPC packages behind that may be worded otherwise (DESIGN.md §2).
/// </summary>
internal static partial class Wording
{
    // protojson, which a gRPC app's failure is told in, puts a space behind a comma or not, by chance.
    [GeneratedRegex("""^\{"code":\d+,( ?)"message":"(?=.)""")]
    private static partial Regex GrpcStatus();

    [GeneratedRegex("""failed to invoke, id: [^,]*, err: (?:failed to invoke target \S+ after \d+ retries\. Error: )?(?:rpc error: code = \w+ desc = )?(?:error invoking app channel: )?""")]
    private static partial Regex Beginning();

    // A url.Error names method and address before the cause.
    [GeneratedRegex("""^(?<request>(?:[A-Z][a-z]+|parse) \\?"[^"\\]*\\?": )?(?:EOF|unexpected EOF|dial tcp|read tcp|readfrom tcp|write tcp|net/http:|https?:|http2:|stopped after|invalid byte in|malformed MIME|http chunk|gzip:|dns:|request declared a|grpc:|connection error:|error sending message: rpc error|context canceled|invalid URL escape|invalid port)""")]
    private static partial Regex GoText();

    // What Dapr writes before such a text.
    [GeneratedRegex("""^(?:failed to invoke, id: [^,]*, err: )?(?:failed to invoke target \S+ after \d+ retries\. Error: )?(?:error receiving message: )?(?:rpc error: code = \w+ desc = )?(?:error invoking app channel: )?(?:rpc error: code = \w+ desc = )?""")]
    private static partial Regex StatusBeginning();

    [GeneratedRegex("""^(?<request>(?:[A-Z][a-z]+|parse) \\?"[^"\\]*\\?": )?(?:EOF|unexpected EOF|dial tcp|read tcp|write tcp|net/http:|https?:|http2:|malformed|invalid byte in|grpc:|connection error:|stream terminated by RST_STREAM|the connection is draining|unexpected HTTP status code received|received an illegal|error reading from server|transport:|server closed the stream|Received a HEADERS frame|num values of :authority|invalid gRPC request content-type|context canceled|context deadline exceeded|received header list size|invalid header field|peer header list|trying to send message larger|received message larger|string field contains invalid UTF-8|failed to unmarshal)""")]
    private static partial Regex GrpcText();

    public static bool IsSame(string recorded, string seen)
    {
        if (recorded == seen)
        {
            return true;
        }

        (recorded, seen) = (WithoutChance(recorded), WithoutChance(seen));
        var beginning = GrpcStatus().Match(recorded) is { Success: true } status ? status : Beginning().Match(recorded);
        if (!beginning.Success)
        {
            return false;
        }

        var afterBeginning = beginning.Index + beginning.Length;
        var go = GoText().Match(recorded[afterBeginning..]);
        return go.Success && seen.StartsWith(recorded[..(afterBeginning + go.Groups["request"].Length)], StringComparison.Ordinal);
    }

    /// <summary>Messages of a gRPC status: as above, and texts that come from Go's gRPC package alone.</summary>
    public static bool IsSameMessage(string recorded, string seen)
    {
        if (recorded == seen)
        {
            return true;
        }

        var own = StatusBeginning().Match(recorded);
        var go = GrpcText().Match(recorded[own.Length..]);
        return go.Success && seen.StartsWith(recorded[..(own.Length + go.Groups["request"].Length)], StringComparison.Ordinal);
    }

    private static string WithoutChance(string text) =>
        GrpcStatus().Match(text) is { Success: true } status ? text.Remove(status.Groups[1].Index, status.Groups[1].Length) : text;
}
