using System.Text;
using System.Text.Json;
using FastSidecar.Invocation;
using FastSidecar.Tests.Api;
using FastSidecar.Transport.Headers;
using Xunit;

namespace FastSidecar.Tests.Invocation;

/// <summary>The metadata two daprds were recorded to send each other, against ours for the same client and app.</summary>
public sealed class WireMetadataTests
{
    private static readonly JsonElement[] Recorded = Load();

    public static IEnumerable<object[]> Requests() => Recorded
        .Where(c => c.GetProperty("internal").GetArrayLength() > 0)
        .Select(c => new object[] { c.GetProperty("name").GetString()! });

    public static IEnumerable<object[]> Answers() => Recorded
        .Where(c => Response(c) is not null && c.TryGetProperty("app", out var app) && Text(app).StartsWith("HTTP/1.1 2"))
        .Select(c => new object[] { c.GetProperty("name").GetString()! });

    [Theory]
    [MemberData(nameof(Requests))]
    public void RecordedRequest_HasTheRecordedMetadata(string name)
    {
        var recorded = Recorded.Single(c => c.GetProperty("name").GetString() == name);
        var metadata = new HeaderList();
        HeaderRules.ClientToMetadata(Message(Text(recorded.GetProperty("request"))), new ClientHeaderOptions(false, false, ToPeer: true), metadata);
        new CallerHeaders("caller", "default", RecordedCase.HostIp, "host").AddTo(metadata, "callee"u8);
        var wire = recorded.GetProperty("internal")[0].GetProperty("request_wire").GetProperty("messages")[0].GetProperty("request");
        Assert.Equal(Lines(wire.GetProperty("metadata")), Lines(metadata));
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void RecordedAnswer_HasTheRecordedMetadata(string name)
    {
        var recorded = Recorded.Single(c => c.GetProperty("name").GetString() == name);
        var metadata = new HeaderList();
        HeaderRules.AppToMetadata(Message(Text(recorded.GetProperty("app"))), isHttp10: false, metadata);
        var expected = Response(recorded)!.Value.TryGetProperty("headers", out var headers) ? Lines(headers) : "";
        Assert.Equal(expected, Lines(metadata));
    }

    private static JsonElement[] Load()
    {
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "fixtures", "grpc", "wire-http.json"));
        using var document = JsonDocument.Parse(file);
        return [.. document.RootElement.EnumerateArray().Select(c => c.Clone())];
    }

    private static JsonElement? Response(JsonElement recorded)
    {
        foreach (var call in recorded.GetProperty("internal").EnumerateArray())
        {
            if (call.GetProperty("response_wire").TryGetProperty("messages", out var messages) && messages.GetArrayLength() > 0 &&
                messages[0].TryGetProperty("response", out var response))
            {
                return response;
            }
        }

        return null;
    }

    /// <summary>The last message head among the steps, which is what counts beside interim answers.</summary>
    private static string Text(JsonElement steps)
    {
        var text = string.Concat(steps.EnumerateArray().Select(s => s.TryGetProperty("text", out var part) ? part.GetString() : ""));
        var final = text.LastIndexOf("HTTP/1.1 ", StringComparison.Ordinal);
        return text.StartsWith("HTTP/1.1 ", StringComparison.Ordinal) ? text[final..] : text;
    }

    private static HeaderList Message(string message)
    {
        var list = new HeaderList();
        foreach (var (name, value) in RecordedCase.HeadersOf(message))
        {
            list.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
        }

        return list;
    }

    private static string Lines(JsonElement metadata) => string.Join("\n", metadata.EnumerateObject()
        .SelectMany(p => p.Value.EnumerateArray().Select(v => $"{p.Name}: {v.GetString()!.Replace("{{HOST_IP}}", RecordedCase.HostIp)}"))
        .GroupBy(line => line[..line.IndexOf(':')])
        .OrderBy(g => g.Key, StringComparer.Ordinal)
        .SelectMany(g => g));

    private static string Lines(HeaderList metadata) => string.Join("\n", Enumerable.Range(0, metadata.Count)
        .Select(i => (Name: Encoding.Latin1.GetString(metadata.Name(i)), Value: Encoding.Latin1.GetString(metadata.Value(i))))
        .GroupBy(h => h.Name)
        .OrderBy(g => g.Key, StringComparer.Ordinal)
        .SelectMany(g => g.Select(h => $"{h.Name}: {h.Value}")));
}
