using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace FastSidecar.Resolution.Mdns;

/// <summary>
/// The strings for app ids and addresses in packets, made once: in a busy mesh the same sidecars are seen hundreds of times per second. Thread-safe.
/// Bounded; a full table starts over, which costs nothing but making the strings again.
/// </summary>
internal sealed class MdnsTexts
{
    private const int MaxTexts = 4096;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, string> _appIds = new(StringComparer.Ordinal);
    private readonly Dictionary<Endpoint, string> _addresses = [];

    /// <summary>False when <paramref name="utf8"/> is no UTF-8, or longer than a DNS label.</summary>
    public bool TryGetAppId(ReadOnlySpan<byte> utf8, out string appId)
    {
        appId = "";
        Span<char> chars = stackalloc char[64];
        if (!Encoding.UTF8.TryGetChars(utf8, chars, out var length) || chars[..length].Contains('\ufffd'))
        {
            return false;
        }

        lock (_lock)
        {
            var byChars = _appIds.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!byChars.TryGetValue(chars[..length], out var known))
            {
                Bound(_appIds);
                known = new string(chars[..length]);
                _appIds.Add(known, known);
            }

            appId = known;
            return true;
        }
    }

    /// <summary><c>host:port</c> for the 4 or 16 bytes of <paramref name="ip"/>, IPv6 in brackets.</summary>
    public string Address(ReadOnlySpan<byte> ip, ushort port)
    {
        Span<byte> padded = stackalloc byte[16];
        padded.Clear();
        ip.CopyTo(padded);
        var endpoint = new Endpoint(BinaryPrimitives.ReadUInt128BigEndian(padded), ip.Length, port);
        lock (_lock)
        {
            if (!_addresses.TryGetValue(endpoint, out var text))
            {
                Bound(_addresses);
                text = new IPEndPoint(new IPAddress(ip), port).ToString();
                _addresses.Add(endpoint, text);
            }

            return text;
        }
    }

    private static void Bound<TKey>(Dictionary<TKey, string> texts)
        where TKey : notnull
    {
        if (texts.Count >= MaxTexts)
        {
            texts.Clear();
        }
    }

    private readonly record struct Endpoint(UInt128 Ip, int IpBytes, ushort Port);
}
