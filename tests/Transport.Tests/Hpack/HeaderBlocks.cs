using System.Buffers;
using System.Text;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Hpack;

namespace FastSidecar.Transport.Tests.Hpack;

/// <summary>Header lists and blocks as text, so that tests read as the RFC's examples do.</summary>
internal static class HeaderBlocks
{
    public const int Roomy = 1 << 20;

    public static byte[] Hex(string text) => Convert.FromHexString(string.Concat(text.Where(c => !char.IsWhiteSpace(c))));

    public static HeaderList List(params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields)
        {
            list.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
        }

        return list;
    }

    public static string[] Lines(HeaderList list) =>
        [.. Enumerable.Range(0, list.Count).Select(i => $"{Encoding.Latin1.GetString(list.Name(i))}: {Encoding.Latin1.GetString(list.Value(i))}")];

    public static string[] DecodeLines(this HpackDecoder decoder, ReadOnlySpan<byte> block)
    {
        var list = new HeaderList();
        decoder.Decode(block, list);
        return Lines(list);
    }

    public static byte[] EncodeBlock(this HpackEncoder encoder, HeaderList list)
    {
        var output = new ArrayBufferWriter<byte>();
        encoder.Encode(list, output);
        return output.WrittenSpan.ToArray();
    }

    public static byte[] EncodeBlock(this HpackEncoder encoder, params (string Name, string Value)[] fields) => encoder.EncodeBlock(List(fields));
}
