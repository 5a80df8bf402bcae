using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Http;

/// <summary>A body as the fixtures write it: <c>text</c> (plain ASCII), <c>b64</c>, or <c>length</c>, <c>sha256</c> and <c>start</c> when it is long.</summary>
internal static class RecordedBody
{
    private const int LongBytes = 4096;
    private const int StartBytes = 48;

    public static JsonObject Of(ReadOnlySpan<byte> body)
    {
        if (body.Length > LongBytes)
        {
            return new JsonObject
            {
                ["length"] = body.Length,
                ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(body)),
                ["start"] = Encoding.Latin1.GetString(body[..StartBytes]),
            };
        }

        foreach (var b in body)
        {
            if (b is not ((byte)'\r' or (byte)'\n' or (byte)'\t' or (>= 32 and < 127)))
            {
                return new JsonObject { ["b64"] = Convert.ToBase64String(body) };
            }
        }

        return new JsonObject { ["text"] = Encoding.ASCII.GetString(body) };
    }
}
