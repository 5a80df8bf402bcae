using System.Buffers;
using System.Text;
using FastSidecar.Protocol;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation;

/// <summary>
/// The client's baggage. All its lines are read together as one; an invalid one refuses the request with 400 and the text below, as plain
/// text and a line end, when tracing is on (W3C baggage §3; Dapr <c>pkg/diagnostics/http_tracing.go</c>; OpenTelemetry Go 1.44
/// <c>baggage/baggage.go</c>, whose words these are).
/// </summary>
internal static class Baggage
{
    private const int MaxMembers = 64;
    private const int MaxBytes = 8192;

    /// <summary>So many problems are told one by one; the rest is counted.</summary>
    private const int MaxProblems = 5;

    private static readonly SearchValues<byte> KeyBytes =
        SearchValues.Create("!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~"u8);

    private static readonly SearchValues<byte> ValueBytes =
        SearchValues.Create("!#$%&'()*+-./0123456789:<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[]^_`abcdefghijklmnopqrstuvwxyz{|}~"u8);

    /// <summary>Bytes of all lines joined by commas; 0 when there is none.</summary>
    public static int JoinedLength(HeaderList request)
    {
        var length = -1;
        for (var i = request.IndexOf(HeaderNames.Baggage); i >= 0; i = request.IndexOf(HeaderNames.Baggage, i + 1))
        {
            length += request.Value(i).Length + 1;
        }

        return Math.Max(length, 0);
    }

    /// <summary>Joins all lines by commas; <paramref name="output"/> has <see cref="JoinedLength"/> bytes.</summary>
    public static void Join(HeaderList request, Span<byte> output)
    {
        for (var i = request.IndexOf(HeaderNames.Baggage); i >= 0; i = request.IndexOf(HeaderNames.Baggage, i + 1))
        {
            request.Value(i).CopyTo(output);
            output = output[request.Value(i).Length..];
            if (!output.IsEmpty)
            {
                output[0] = (byte)',';
                output = output[1..];
            }
        }
    }

    /// <summary>All lines of a call's baggage come back as one, its name as gRPC spells it.</summary>
    public static void Echo(HeaderList request, HeaderList answer)
    {
        var name = answer.Append("baggage"u8.Length, JoinedLength(request), out var value);
        "baggage"u8.CopyTo(name);
        Join(request, value);
    }

    /// <summary>Null when the request's baggage is valid or absent, otherwise the text of the refusal, without its line end.</summary>
    public static string? Validate(HeaderList request)
    {
        var length = JoinedLength(request);
        if (length == 0)
        {
            return null;
        }

        Span<byte> small = stackalloc byte[512];
        var joined = length <= small.Length ? small[..length] : new byte[length];
        Join(request, joined);
        return Problems(joined) is { } problems ? $"invalid baggage header: {problems}" : null;
    }

    private static string? Problems(ReadOnlySpan<byte> text)
    {
        if (text.Length > MaxBytes)
        {
            return $"baggage-string too large: {text.Length}";
        }

        // Only a list that may be too long needs its keys told apart: a key that comes again counts once.
        var keys = text.Count((byte)',') >= MaxMembers ? new HashSet<string>(StringComparer.Ordinal) : null;
        StringBuilder? problems = null;
        var count = 0;
        foreach (var range in text.Split((byte)','))
        {
            if (keys?.Count >= MaxMembers)
            {
                AddLine(ref problems, "too many list-members in baggage-string");
                break;
            }

            if (ProblemOfMember(text[range], out var key) is { } problem)
            {
                if (++count <= MaxProblems)
                {
                    AddLine(ref problems, problem);
                }
            }
            else
            {
                keys?.Add(Encoding.ASCII.GetString(key));
            }
        }

        if (count > MaxProblems)
        {
            AddLine(ref problems, $"and {count - MaxProblems} more invalid member(s)");
        }

        return problems?.ToString();
    }

    private static string? ProblemOfMember(ReadOnlySpan<byte> member, out ReadOnlySpan<byte> key)
    {
        key = default;
        var semicolon = member.IndexOf((byte)';');
        if (semicolon >= 0)
        {
            var properties = member[(semicolon + 1)..];
            foreach (var range in properties.Split((byte)';'))
            {
                if (!IsProperty(properties[range]))
                {
                    return $"invalid baggage list-member property: {GoText.Quote(properties[range])}";
                }
            }
        }

        var pair = semicolon < 0 ? member : member[..semicolon];
        var equals = pair.IndexOf((byte)'=');
        if (equals < 0)
        {
            return $"invalid baggage list-member: {GoText.Quote(member)}";
        }

        key = Trim(pair[..equals]);
        if (key.IsEmpty || key.IndexOfAnyExcept(KeyBytes) >= 0)
        {
            return $"invalid key: {GoText.Quote(key)}";
        }

        var value = Trim(pair[(equals + 1)..]);
        if (value.IndexOfAnyExcept(ValueBytes) >= 0)
        {
            return $"invalid value: {GoText.Quote(pair[(equals + 1)..])}";
        }

        return EscapeProblem(value) is { } problem ? $"invalid value: {problem}" : null;
    }

    /// <summary>A key, or a key and a value, with white space around each; an empty property is skipped.</summary>
    private static bool IsProperty(ReadOnlySpan<byte> property)
    {
        if (property.IsEmpty)
        {
            return true;
        }

        var rest = property.TrimStart(" \t"u8);
        var keyEnd = rest.IndexOfAnyExcept(KeyBytes);
        if (keyEnd == 0 || rest.IsEmpty)
        {
            return false;
        }

        rest = keyEnd < 0 ? default : rest[keyEnd..].TrimStart(" \t"u8);
        if (rest.IsEmpty)
        {
            return true;
        }

        var value = rest[1..].Trim(" \t"u8);
        return rest[0] == '=' && value.IndexOfAnyExcept(ValueBytes) < 0 && EscapeProblem(value) is null;
    }

    private static string? EscapeProblem(ReadOnlySpan<byte> value)
    {
        if (!value.Contains((byte)'%'))
        {
            return null;
        }

        _ = GoEscape.TryUnescape(value, UrlPart.Path, new byte[value.Length], out _, out var error);
        return error;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim(" \t\r\n\v\f"u8);

    private static void AddLine(ref StringBuilder? lines, string line)
    {
        lines = lines is null ? new StringBuilder() : lines.Append('\n');
        lines.Append(line);
    }
}
