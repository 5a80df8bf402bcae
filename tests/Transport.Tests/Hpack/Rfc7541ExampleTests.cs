using FastSidecar.Transport.Hpack;
using Xunit;

namespace FastSidecar.Transport.Tests.Hpack;

/// <summary>The worked examples of RFC 7541 appendix C.</summary>
public sealed class Rfc7541ExampleTests
{
    private static readonly string[] FirstRequest = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
    private static readonly string[] SecondRequest = [.. FirstRequest, "cache-control: no-cache"];
    private static readonly string[] ThirdRequest =
        [":method: GET", ":scheme: https", ":path: /index.html", ":authority: www.example.com", "custom-key: custom-value"];

    private static readonly string[] FirstResponse =
        [":status: 302", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"];

    private static readonly string[] SecondResponse =
        [":status: 307", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"];

    private static readonly string[] ThirdResponse =
    [
        ":status: 200", "cache-control: private", "date: Mon, 21 Oct 2013 20:13:22 GMT", "location: https://www.example.com", "content-encoding: gzip",
        "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    ];

    [Theory]
    [InlineData("0a", 5, 10)] // C.1.1
    [InlineData("1f9a0a", 5, 1337)] // C.1.2
    [InlineData("2a", 8, 42)] // C.1.3
    public void C1_Integer_BothWays(string hex, int prefixBits, int value)
    {
        var reader = new HpackReader(HeaderBlocks.Hex(hex));
        Assert.Equal(value, reader.ReadInteger(prefixBits));
        Assert.True(reader.AtEnd);

        var output = new byte[HpackWriter.MaxIntegerBytes];
        var writer = new HpackWriter(output);
        writer.WriteInteger(0, prefixBits, value);
        Assert.Equal(HeaderBlocks.Hex(hex), output[..writer.Written]);
    }

    [Theory]
    [InlineData("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key: custom-header")] // C.2.1
    [InlineData("040c 2f73 616d 706c 652f 7061 7468", ":path: /sample/path")] // C.2.2
    [InlineData("1008 7061 7373 776f 7264 0673 6563 7265 74", "password: secret")] // C.2.3
    [InlineData("82", ":method: GET")] // C.2.4
    public void C2_Representations_Decoded(string hex, string line)
    {
        Assert.Equal([line], new HpackDecoder(HeaderBlocks.Roomy).DecodeLines(HeaderBlocks.Hex(hex)));
    }

    [Fact]
    public void C3_RequestsWithoutHuffman_Decoded()
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        Assert.Equal(FirstRequest, decoder.DecodeLines(HeaderBlocks.Hex("8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d")));
        Assert.Equal(SecondRequest, decoder.DecodeLines(HeaderBlocks.Hex("8286 84be 5808 6e6f 2d63 6163 6865")));
        Assert.Equal(
            ThirdRequest,
            decoder.DecodeLines(HeaderBlocks.Hex("8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65")));
    }

    [Fact]
    public void C4_RequestsWithHuffman_Decoded()
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        Assert.Equal(FirstRequest, decoder.DecodeLines(HeaderBlocks.Hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff")));
        Assert.Equal(SecondRequest, decoder.DecodeLines(HeaderBlocks.Hex("8286 84be 5886 a8eb 1064 9cbf")));
        Assert.Equal(ThirdRequest, decoder.DecodeLines(HeaderBlocks.Hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf")));
    }

    [Fact]
    public void C4_RequestsWithHuffman_EncodedToTheSameBytes()
    {
        var encoder = new HpackEncoder();
        Assert.Equal(HeaderBlocks.Hex("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"), encoder.EncodeBlock(Parse(FirstRequest)));
        Assert.Equal(HeaderBlocks.Hex("8286 84be 5886 a8eb 1064 9cbf"), encoder.EncodeBlock(Parse(SecondRequest)));
        Assert.Equal(
            HeaderBlocks.Hex("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"), encoder.EncodeBlock(Parse(ThirdRequest)));
    }

    [Fact]
    public void C5_ResponsesWithEviction_Decoded()
    {
        var decoder = DecoderWith256Bytes();
        Assert.Equal(
            FirstResponse,
            decoder.DecodeLines(HeaderBlocks.Hex(
                """
                4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133
                2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70
                6c65 2e63 6f6d
                """)));
        Assert.Equal(SecondResponse, decoder.DecodeLines(HeaderBlocks.Hex("4803 3330 37c1 c0bf")));
        Assert.Equal(
            ThirdResponse,
            decoder.DecodeLines(HeaderBlocks.Hex(
                """
                88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d
                54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049
                5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e
                3d31
                """)));
    }

    [Fact]
    public void C6_ResponsesWithHuffmanAndEviction_Decoded()
    {
        var decoder = DecoderWith256Bytes();
        Assert.Equal(
            FirstResponse,
            decoder.DecodeLines(HeaderBlocks.Hex(
                """
                4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6
                2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3
                """)));
        Assert.Equal(SecondResponse, decoder.DecodeLines(HeaderBlocks.Hex("4883 640e ffc1 c0bf")));
        Assert.Equal(
            ThirdResponse,
            decoder.DecodeLines(HeaderBlocks.Hex(
                """
                88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab
                77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f
                9587 3160 65c0 03ed 4ee5 b106 3d50 07
                """)));
    }

    /// <summary>The examples with eviction assume a table of 256 bytes.</summary>
    private static HpackDecoder DecoderWith256Bytes()
    {
        var decoder = new HpackDecoder(HeaderBlocks.Roomy);
        Assert.Empty(decoder.DecodeLines(HeaderBlocks.Hex("3fe101")));
        return decoder;
    }

    private static (string, string)[] Parse(string[] lines) =>
        [.. lines.Select(line => line.IndexOf(": ", 1, StringComparison.Ordinal) is var colon ? (line[..colon], line[(colon + 2)..]) : default)];
}
