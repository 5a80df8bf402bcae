using System.Text;
using FastSidecar.Invocation;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>The look-up by length and letter against the plain list of names, and the table of spellings against Go's rule.</summary>
public sealed class HeaderRolesTests
{
    /// <summary>Every name with a role, in its usual spelling.</summary>
    private static readonly Dictionary<string, HeaderRole> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["Connection"] = HeaderRole.Connection,
        ["Trailer"] = HeaderRole.Trailer,
        ["Transfer-Encoding"] = HeaderRole.TransferEncoding,
        ["Te"] = HeaderRole.OtherHopByHop,
        ["Upgrade"] = HeaderRole.OtherHopByHop,
        ["Keep-Alive"] = HeaderRole.OtherHopByHop,
        ["Http2-Settings"] = HeaderRole.OtherHopByHop,
        ["Proxy-Connection"] = HeaderRole.OtherHopByHop,
        ["Proxy-Authenticate"] = HeaderRole.OtherHopByHop,
        ["Proxy-Authorization"] = HeaderRole.OtherHopByHop,
        ["Host"] = HeaderRole.Host,
        ["Content-Length"] = HeaderRole.ContentLength,
        ["Content-Type"] = HeaderRole.ContentType,
        ["Traceparent"] = HeaderRole.Trace,
        ["Tracestate"] = HeaderRole.Trace,
        ["Baggage"] = HeaderRole.Baggage,
        ["User-Agent"] = HeaderRole.UserAgent,
        ["Pragma"] = HeaderRole.Pragma,
        ["Forwarded"] = HeaderRole.Forwarding,
        ["X-Forwarded-For"] = HeaderRole.Forwarding,
        ["X-Forwarded-Host"] = HeaderRole.Forwarding,
        ["dapr-caller-app-id"] = HeaderRole.CallerAppId,
        ["dapr-caller-namespace"] = HeaderRole.CallerNamespace,
        ["dapr-callee-app-id"] = HeaderRole.CalleeAppId,
        ["destination-app-id"] = HeaderRole.DestinationAppId,
        ["dapr-app-id"] = HeaderRole.DaprAppId,
        ["dapr-api-token"] = HeaderRole.DaprApiToken,
        ["Accept"] = HeaderRole.Accept,
        ["Authorization"] = HeaderRole.Authorization,
        ["Expect"] = HeaderRole.Expect,
        ["Date"] = HeaderRole.None,
        ["Server"] = HeaderRole.None,
    };

    private static readonly string[] Others =
    [
        "", "a", "Except", "Cookie", "Warning", "Via", "Dato", "x-forwarded", ":authority", ":", ":x-bin",
        "grpc-timeout", "Grpc-", "grpc", "grpc-trace-bin", "A-BIN", "bin", "-bin",
    ];

    [Fact]
    public void EveryKnownName_HasItsRoleInAnyCase()
    {
        foreach (var (name, role) in Known)
        {
            Assert.Equal(role | HeaderRole.Exact, Of(name));
            Assert.Equal(role, Of(name.ToUpperInvariant()));
            var other = char.IsAsciiLetterLower(name[0]) ? Canonical(name) : name.ToLowerInvariant();
            Assert.Equal(role, Of(other));
        }
    }

    [Fact]
    public void ExactNames_AreInLowerCaseForDaprAndInGosSpellingForTheOthers()
    {
        foreach (var (name, role) in Known)
        {
            Assert.Equal(role.IsAny(HeaderRole.Dapr) ? name.ToLowerInvariant() : Canonical(name), name);
        }
    }

    [Fact]
    public void RandomNames_HaveTheRoleOfThePlainList()
    {
        var random = new Random(1);
        string[] seeds = [.. Known.Keys, .. Others];
        var withRole = 0;
        for (var i = 0; i < 200_000; i++)
        {
            var name = Change(seeds[random.Next(seeds.Length)], random);
            var expected = ExpectedRole(name);
            withRole += expected != HeaderRole.None ? 1 : 0;
            Assert.True(expected == Of(name), $"{name}: {Of(name)}, not {expected}");
        }

        Assert.InRange(withRole, 50_000, 150_000);
    }

    [Fact]
    public void RandomNames_AreSpeltByGosRule()
    {
        var random = new Random(2);
        string[] seeds = [.. Known.Keys, .. Others, "x_under.dot~", "-a--B-"];
        for (var i = 0; i < 100_000; i++)
        {
            var name = Change(seeds[random.Next(seeds.Length)], random);
            var output = new byte[name.Length + 1];
            HeaderNames.WriteCanonical(Encoding.Latin1.GetBytes(name), output);
            Assert.Equal(Canonical(name) + '\0', Encoding.Latin1.GetString(output));
        }
    }

    private static HeaderRole Of(string name) => HeaderRoles.Of(Encoding.Latin1.GetBytes(name));

    private static HeaderRole ExpectedRole(string name)
    {
        if (Known.TryGetValue(name, out var role) && name.All(char.IsAscii))
        {
            return Known.Keys.Contains(name, StringComparer.Ordinal) ? role | HeaderRole.Exact : role;
        }

        if (name.EndsWith("-bin", StringComparison.OrdinalIgnoreCase))
        {
            return HeaderRole.Binary;
        }

        return name.StartsWith(':') ? HeaderRole.Pseudo
            : name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) ? HeaderRole.ReservedByGrpc
            : HeaderRole.None;
    }

    /// <summary>Go's net/textproto CanonicalMIMEHeaderKey, word by word.</summary>
    private static string Canonical(string name) =>
        name.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c))
            ? string.Join('-', name.Split('-').Select(word => word.Length == 0 ? "" : char.ToUpperInvariant(word[0]) + word[1..].ToLowerInvariant()))
            : name;

    private static string Change(string name, Random random)
    {
        var text = new StringBuilder(random.Next(4) switch { 0 => name.ToUpperInvariant(), 1 => name.ToLowerInvariant(), _ => name });
        for (var changes = random.Next(3); changes > 0; changes--)
        {
            var at = random.Next(text.Length + 1);
            switch (random.Next(5))
            {
                case 0 when at < text.Length:
                    text[at] = (char)(text[at] ^ 0x20);
                    break;
                case 1 when at < text.Length:
                    text[at] = (char)random.Next(256);
                    break;
                case 2 when at < text.Length:
                    text.Remove(at, 1);
                    break;
                case 3:
                    text.Insert(at, (char)random.Next('!', 0x7f));
                    break;
            }
        }

        return text.ToString();
    }
}
