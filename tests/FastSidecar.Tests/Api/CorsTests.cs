using System.Text;
using FastSidecar.Api.Http;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Api;

/// <summary>Every recorded preflight; other cross-origin requests are among the cases of HeaderRulesTests.</summary>
public sealed class CorsTests
{
    private static readonly CorsPolicy List = CorsPolicy.Parse("https://a.example,https://*.b.example,http://localhost:3000")!;
    private static readonly CorsPolicy Star = CorsPolicy.Parse("*")!;

    public static IEnumerable<object[]> Cases() => RecordedCase.Rows(c => !c.AppWasCalled, "cors");

    /// <summary>The policy of the process that was asked; none outside the cors group and on public ports.</summary>
    internal static CorsPolicy? PolicyOf(RecordedCase recorded) => recorded.To switch
    {
        "star" => Star,
        "caller" when recorded.Answer.Headers.Any(h => h is { Name: "Vary", Value: "Origin" }) && recorded.AppAnswer?.Contains("Vary: Origin") != true => List,
        "caller" when recorded.Name.StartsWith("caller app sends cors itself", StringComparison.Ordinal) => List,
        _ => null,
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void RecordedRequest_GetsTheRecordedFields(string group, string name)
    {
        var recorded = RecordedCase.Get(group, name);
        var verb = Encoding.ASCII.GetBytes(recorded.Verb);
        var request = new HeaderList();
        foreach (var header in recorded.Headers)
        {
            request.Add(Encoding.Latin1.GetBytes(header.Name), Encoding.Latin1.GetBytes(header.Value));
        }

        var policy = recorded.To switch { "caller" => List, "star" => Star, _ => null };
        var response = new HeaderList();
        if (CorsPolicy.IsPreflight(verb, request) && policy is not null)
        {
            policy.AnswerPreflight(request, response);
            Assert.Equal((200, ""), (recorded.Answer.Status, recorded.Answer.Body));
        }
        else
        {
            policy?.AddTo(verb, request, response);
        }

        Assert.Equal(
            recorded.Answer.Headers.Where(h => h.Name == "Vary" || h.Name.StartsWith("Access-Control")).Select(h => $"{h.Name}: {h.Value}"),
            Enumerable.Range(0, response.Count)
                .Select(i => (Name: Encoding.Latin1.GetString(response.Name(i)), Value: Encoding.Latin1.GetString(response.Value(i))))
                .OrderBy(h => h.Name, StringComparer.Ordinal)
                .Select(h => $"{h.Name}: {h.Value}"));
    }

    [Fact]
    public void EmptyFlag_IsNoPolicy()
    {
        Assert.Null(CorsPolicy.Parse(""));
    }

    [Theory]
    [InlineData("https://a", "PROPFIND", "https://a", null)]
    [InlineData("https://a, https://b", "GET", "https://b", null)]
    [InlineData("https://a,*", "GET", "https://c", "*")]
    [InlineData("*.x", "GET", ".x", ".x")]
    [InlineData("a*a", "GET", "a", null)]
    public void Origin_IsAllowedOrNot(string flag, string verb, string origin, string? allowed)
    {
        var request = new HeaderList();
        request.Add("origin"u8, Encoding.ASCII.GetBytes(origin));
        var response = new HeaderList();
        CorsPolicy.Parse(flag)!.AddTo(Encoding.ASCII.GetBytes(verb), request, response);
        Assert.Equal(allowed, response.TryGet("access-control-allow-origin"u8, out var value) ? Encoding.ASCII.GetString(value) : null);
    }
}
