using FastSidecar.Conformance.Http2;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>Examples of RFC 7541, appendix C.</summary>
public sealed class HpackReaderTests
{
    [Fact]
    public void RequestsWithHuffman_ReadAsInTheRfc()
    {
        var reader = new HpackReader();
        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
            reader.Read(Convert.FromHexString("828684418cf1e3c2e5f23a6ba0ab90f4ff")));
        Assert.Equal(
            [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"), ("cache-control", "no-cache")],
            reader.Read(Convert.FromHexString("828684be5886a8eb10649cbf")));
        Assert.Equal(
            [(":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"), ("custom-key", "custom-value")],
            reader.Read(Convert.FromHexString("828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf")));
    }

    [Fact]
    public void ResponsesWithHuffman_ReadAsInTheRfc()
    {
        var first = new HpackReader().Read(Convert.FromHexString(
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3"));
        Assert.Equal(
            [(":status", "302"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"), ("location", "https://www.example.com")],
            first);
    }

    /// <summary>Every byte value has a code, and the codes fill the whole space.</summary>
    [Fact]
    public void FramesWeWrite_AreReadBack()
    {
        var value = new string([.. Enumerable.Range(1, 255).Select(c => (char)c)]) + new string('v', 9000);
        var frames = Http2Frame.Headers(1, [(":method", "GET"), ("x", value)], endStream: true).ToList();
        Assert.Equal([(":method", "GET"), ("x", value)], new HpackReader().Read(frames.SelectMany(f => f.Payload).ToArray()));
        Assert.True(frames[^1].Has(Http2Frame.EndHeaders));
    }
}
