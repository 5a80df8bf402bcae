using System.Globalization;
using System.Text;

namespace FastSidecar.Integration.Shared;

/// <summary>An HTTP/1.1 response as it stood on the wire.</summary>
/// <param name="Status">The status code.</param>
/// <param name="Headers">In order, as sent.</param>
/// <param name="Body">Without its framing.</param>
/// <param name="Bytes">How long it was, head and framing included.</param>
internal sealed record RawAnswer(int Status, IReadOnlyList<(string Name, string Value)> Headers, byte[] Body, int Bytes)
{
    public string Text => Encoding.Latin1.GetString(Body);

    public override string ToString() => $"{Status} {string.Join(", ", Headers.Select(static header => $"{header.Name}: {header.Value}"))} | {Text}";

    public string? Header(string name) =>
        Headers.FirstOrDefault(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>The first response in <paramref name="bytes"/>, interim ones passed over; null while it is not whole.</summary>
    /// <param name="bytes">What came so far.</param>
    /// <param name="ended">Nothing more will come: an answer without a length is whole now.</param>
    /// <param name="isHead">The answer to a HEAD request has no body.</param>
    public static RawAnswer? TryParse(ReadOnlySpan<byte> bytes, bool ended, bool isHead = false)
    {
        var skipped = 0;
        while (true)
        {
            var rest = bytes[skipped..];
            var end = rest.IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                return null;
            }

            var lines = Encoding.Latin1.GetString(rest[..end]).Split("\r\n");
            var status = int.Parse(lines[0].AsSpan(9, 3), CultureInfo.InvariantCulture);
            var bodyAt = end + 4;
            if (status is >= 100 and < 200)
            {
                skipped += bodyAt;
                continue;
            }

            var answer = new RawAnswer(status, [.. lines.Skip(1).Select(Split)], [], skipped + bodyAt);
            return isHead || status is 204 or 304 ? answer : answer.WithBody(rest[bodyAt..], ended);
        }
    }

    private static (string Name, string Value) Split(string line)
    {
        var colon = line.IndexOf(':', StringComparison.Ordinal);
        return (line[..colon], line[(colon + 1)..].Trim());
    }

    private RawAnswer? WithBody(ReadOnlySpan<byte> bytes, bool ended)
    {
        if (Header("Transfer-Encoding") is not null)
        {
            return WithChunks(bytes);
        }

        if (Header("Content-Length") is { } length)
        {
            var count = int.Parse(length, CultureInfo.InvariantCulture);
            return bytes.Length < count ? null : this with { Body = bytes[..count].ToArray(), Bytes = Bytes + count };
        }

        return ended ? this with { Body = bytes.ToArray(), Bytes = Bytes + bytes.Length } : null;
    }

    private RawAnswer? WithChunks(ReadOnlySpan<byte> bytes)
    {
        var body = new MemoryStream();
        var at = 0;
        while (true)
        {
            var line = bytes[at..].IndexOf("\r\n"u8);
            if (line < 0)
            {
                return null;
            }

            var size = int.Parse(Encoding.Latin1.GetString(bytes.Slice(at, line)), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            at += line + 2;
            if (bytes.Length < at + size + 2)
            {
                return null;
            }

            body.Write(bytes.Slice(at, size));
            at += size + 2;
            if (size == 0)
            {
                return this with { Body = body.ToArray(), Bytes = Bytes + at };
            }
        }
    }
}
