using System.Text;

namespace FastSidecar.Protocol;

/// <summary>dapr.proto.common.v1.HTTPExtension.Verb. An open enum: a peer may send a number without a name here.</summary>
internal enum HttpVerb
{
    None = 0,
    Get = 1,
    Head = 2,
    Post = 3,
    Put = 4,
    Delete = 5,
    Connect = 6,
    Options = 7,
    Trace = 8,
    Patch = 9,
}

/// <summary>Between <see cref="HttpVerb"/> and HTTP method names.</summary>
internal static class HttpVerbs
{
    /// <summary>The longest text of <see cref="Write"/>: "CONNECT" or the digits of an int with its sign.</summary>
    public const int MaxBytes = 11;

    /// <summary>
    /// The verb of an HTTP method, letter case ignored. False for a method that the enum does not know, which travels as POST
    /// (pkg/messaging/v1/invoke_method_request.go). As in Dapr the literal method NONE is known and later refused as an invalid verb.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> method, out HttpVerb verb)
    {
        for (verb = HttpVerb.None; verb <= HttpVerb.Patch; verb++)
        {
            if (Ascii.EqualsIgnoreCase(method, Name(verb)))
            {
                return true;
            }
        }

        verb = HttpVerb.Post;
        return false;
    }

    /// <summary>The method name, upper-case; empty for a number without a name.</summary>
    public static ReadOnlySpan<byte> Name(HttpVerb verb) => verb switch
    {
        HttpVerb.None => "NONE"u8,
        HttpVerb.Get => "GET"u8,
        HttpVerb.Head => "HEAD"u8,
        HttpVerb.Post => "POST"u8,
        HttpVerb.Put => "PUT"u8,
        HttpVerb.Delete => "DELETE"u8,
        HttpVerb.Connect => "CONNECT"u8,
        HttpVerb.Options => "OPTIONS"u8,
        HttpVerb.Trace => "TRACE"u8,
        HttpVerb.Patch => "PATCH"u8,
        _ => default,
    };

    /// <summary>
    /// Writes the method as daprd sends it to an app: the name, or for a number without a name its digits (recorded: verb 99 arrives as the
    /// method "99").
    /// <paramref name="destination"/> holds <see cref="MaxBytes"/>.
    /// </summary>
    public static int Write(HttpVerb verb, Span<byte> destination)
    {
        var name = Name(verb);
        if (name.IsEmpty)
        {
            ((int)verb).TryFormat(destination, out var written, provider: System.Globalization.CultureInfo.InvariantCulture);
            return written;
        }

        name.CopyTo(destination);
        return name.Length;
    }
}
