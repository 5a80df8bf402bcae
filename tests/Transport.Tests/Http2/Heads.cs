using System.Text;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>Header lists as tests write and read them.</summary>
internal static class Heads
{
    public static HeaderList List(params (string Name, string Value)[] fields)
    {
        var list = new HeaderList();
        foreach (var (name, value) in fields)
        {
            list.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));
        }

        return list;
    }

    public static HeaderList Request(string method = "POST", string path = "/echo", params (string Name, string Value)[] more) =>
        List([(":method", method), (":scheme", "http"), (":path", path), (":authority", "test"), .. more]);

    public static HeaderList Response(int status = 200, params (string Name, string Value)[] more) =>
        List([(":status", status.ToString(System.Globalization.CultureInfo.InvariantCulture)), .. more]);

    public static string? Get(this HeaderList list, string name) =>
        list.TryGet(Encoding.Latin1.GetBytes(name), out var value) ? Encoding.Latin1.GetString(value) : null;
}
