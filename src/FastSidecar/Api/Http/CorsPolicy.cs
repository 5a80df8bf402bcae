using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Api.Http;

/// <summary>
/// Cross-origin rules of the API port (<c>--allowed-origins</c>). A preflight is answered here, 200 with an empty body, before any token is
/// asked for; any other request is served whatever its origin, with fields that tell the browser (Dapr <c>pkg/api/http/server.go</c>;
/// go-chi/cors <c>cors.go</c> 1.2.1).
/// </summary>
internal sealed class CorsPolicy
{
    private static readonly string[] AllowedMethods = ["HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

    private readonly bool _allowsAll;
    private readonly byte[][] _origins;
    private readonly (byte[] Prefix, byte[] Suffix)[] _wildcards;

    private CorsPolicy(string[] origins)
    {
        _allowsAll = origins.Contains("*");
        _origins = [.. origins.Where(o => !o.Contains('*', StringComparison.Ordinal)).Select(Encoding.UTF8.GetBytes)];
        _wildcards = [.. origins.Where(o => o.Contains('*', StringComparison.Ordinal)).Select(SplitAtStar)];
    }

    private static ReadOnlySpan<byte> RequestMethod => "Access-Control-Request-Method"u8;

    private static ReadOnlySpan<byte> RequestHeaders => "Access-Control-Request-Headers"u8;

    private static ReadOnlySpan<byte> AllowOrigin => "Access-Control-Allow-Origin"u8;

    private static ReadOnlySpan<byte> Vary => "Vary"u8;

    private static ReadOnlySpan<byte> Origin => "Origin"u8;

    /// <summary>
    /// Null for an empty flag: then an OPTIONS request is like any other. The list is cut at commas; spaces belong to the origins.
    /// </summary>
    public static CorsPolicy? Parse(string allowedOrigins) =>
        allowedOrigins.Length == 0 ? null : new CorsPolicy(allowedOrigins.ToLowerInvariant().Split(','));

    /// <summary>Whether the request is answered by the policy itself.</summary>
    public static bool IsPreflight(ReadOnlySpan<byte> verb, HeaderList request) =>
        verb.SequenceEqual("OPTIONS"u8) && request.TryGet(RequestMethod, out var method) && !method.IsEmpty;

    /// <summary>Adds the fields of a preflight's answer.</summary>
    public void AnswerPreflight(HeaderList request, HeaderList response)
    {
        response.Add(Vary, Origin);
        response.Add(Vary, RequestMethod);
        response.Add(Vary, RequestHeaders);
        if (!IsAllowed(request, out var origin) || !request.TryGet(RequestMethod, out var method) || !IsAllowedMethod(method))
        {
            return;
        }

        response.Add(AllowOrigin, _allowsAll ? "*"u8 : origin);
        var name = response.Append("Access-Control-Allow-Methods"u8.Length, method.Length, out var value);
        "Access-Control-Allow-Methods"u8.CopyTo(name);
        Ascii.ToUpper(method, value, out _);
        if (request.TryGet(RequestHeaders, out var headers) && HeaderNameList(headers) is { Count: > 0 } names)
        {
            response.Add("Access-Control-Allow-Headers"u8, Encoding.ASCII.GetBytes(string.Join(", ", names)));
        }
    }

    /// <summary>Adds the fields that go with the answer to any other request. They stand before the app's own.</summary>
    public void AddTo(ReadOnlySpan<byte> verb, HeaderList request, HeaderList response)
    {
        response.Add(Vary, Origin);
        if (IsAllowed(request, out var origin) && IsAllowedMethod(verb))
        {
            response.Add(AllowOrigin, _allowsAll ? "*"u8 : origin);
        }
    }

    /// <summary>Only the first Origin line counts; an empty one is as none.</summary>
    private bool IsAllowed(HeaderList request, out ReadOnlySpan<byte> origin)
    {
        if (!request.TryGet(Origin, out origin) || origin.IsEmpty)
        {
            return false;
        }

        if (_allowsAll)
        {
            return true;
        }

        foreach (var allowed in _origins)
        {
            if (HeaderNames.Is(origin, allowed))
            {
                return true;
            }
        }

        foreach (var (prefix, suffix) in _wildcards)
        {
            if (origin.Length >= prefix.Length + suffix.Length &&
                HeaderNames.Is(origin[..prefix.Length], prefix) && HeaderNames.Is(origin[^suffix.Length..], suffix))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsAllowedMethod(ReadOnlySpan<byte> method)
    {
        foreach (var allowed in AllowedMethods)
        {
            if (Ascii.EqualsIgnoreCase(method, allowed))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The first star counts; a second one is an ordinary character.</summary>
    private static (byte[] Prefix, byte[] Suffix) SplitAtStar(string origin)
    {
        var star = origin.IndexOf('*', StringComparison.Ordinal);
        return (Encoding.UTF8.GetBytes(origin[..star]), Encoding.UTF8.GetBytes(origin[(star + 1)..]));
    }

    /// <summary>
    /// The requested header names in canonical spelling, divided by commas or spaces; characters that fit in no name are left out.
    /// </summary>
    private static List<string> HeaderNameList(ReadOnlySpan<byte> text)
    {
        var names = new List<string>();
        var name = new StringBuilder();
        var startsWord = true;
        foreach (var value in text)
        {
            if (value is (byte)' ' or (byte)',')
            {
                Flush(names, name, ref startsWord);
                continue;
            }

            if (char.IsAsciiLetter((char)value))
            {
                name.Append(startsWord ? char.ToUpperInvariant((char)value) : char.ToLowerInvariant((char)value));
            }
            else if (char.IsAsciiDigit((char)value) || value is (byte)'-' or (byte)'_')
            {
                name.Append((char)value);
            }

            startsWord = value == '-';
        }

        Flush(names, name, ref startsWord);
        return names;
    }

    private static void Flush(List<string> names, StringBuilder name, ref bool startsWord)
    {
        if (name.Length > 0)
        {
            names.Add(name.ToString());
            name.Clear();
            startsWord = true;
        }
    }
}
