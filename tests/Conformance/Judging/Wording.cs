using System.Text.RegularExpressions;

namespace FastSidecar.Conformance.Judging;

/// <summary>
/// Texts of errors. What Dapr writes must be equal: the beginning of a message, its gRPC codes, the request that failed, and sentences
/// of its own. What comes out of Go's HTTP, net, URL and gRPC packages behind that may be worded otherwise (DESIGN.md §2).
/// </summary>
internal static partial class Wording
{
    [GeneratedRegex("""failed to invoke, id: [^,]*, err: (?:failed to invoke target \S+ after \d+ retries\. Error: )?(?:rpc error: code = \w+ desc = )?(?:error invoking app channel: )?""")]
    private static partial Regex Beginning();

    // A url.Error names method and address before the cause.
    [GeneratedRegex("""^(?<request>(?:[A-Z][a-z]+|parse) \\?"[^"\\]*\\?": )?(?:EOF|unexpected EOF|dial tcp|read tcp|readfrom tcp|write tcp|net/http:|https?:|http2:|stopped after|invalid byte in|malformed MIME|http chunk|gzip:|dns:|request declared a|grpc:|connection error:|error sending message: rpc error|context canceled|invalid URL escape|invalid port)""")]
    private static partial Regex GoText();

    public static bool IsSame(string recorded, string seen)
    {
        if (recorded == seen)
        {
            return true;
        }

        var beginning = Beginning().Match(recorded);
        if (!beginning.Success)
        {
            return false;
        }

        var afterBeginning = beginning.Index + beginning.Length;
        var go = GoText().Match(recorded[afterBeginning..]);
        return go.Success && seen.StartsWith(recorded[..(afterBeginning + go.Groups["request"].Length)], StringComparison.Ordinal);
    }
}
