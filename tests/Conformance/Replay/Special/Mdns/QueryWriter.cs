using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>Writes a recorded question, with PTR records as known answers, for the names of this run.</summary>
internal static class QueryWriter
{
    public static byte[] Write(ReadOnlySpan<byte> header, JsonObject query, Func<string, string> fill)
    {
        var packet = new List<byte>([.. header]);
        foreach (var question in query["questions"]?.AsArray() ?? [])
        {
            packet.AddRange(Name(fill(question!["name"]!.GetValue<string>())));
            AddUInt16(packet, TypeOf(question["type"]!.GetValue<string>()));
            AddUInt16(packet, question["class"]!.GetValue<int>() | (question["QU"]!.GetValue<int>() << 15));
        }

        foreach (var answer in query["answers"]?.AsArray() ?? [])
        {
            packet.AddRange(Name(fill(answer!["name"]!.GetValue<string>())));
            AddUInt16(packet, TypeOf(answer["type"]!.GetValue<string>()));
            AddUInt16(packet, answer["class"]!.GetValue<int>() | (answer["flush"]!.GetValue<int>() << 15));
            var ttl = new byte[4];
            BinaryPrimitives.WriteUInt32BigEndian(ttl, answer["ttl"]!.GetValue<uint>());
            packet.AddRange(ttl);
            var data = Name(fill(answer["ptr"]!.GetValue<string>()));
            AddUInt16(packet, data.Count);
            packet.AddRange(data);
        }

        return [.. packet];
    }

    /// <summary>The host name of a recorded name may have dots of its own: they make labels, as in daprd.</summary>
    private static List<byte> Name(string name)
    {
        var bytes = new List<byte>();
        foreach (var label in name.TrimEnd('.').Split('.'))
        {
            var text = Encoding.UTF8.GetBytes(label);
            bytes.Add((byte)text.Length);
            bytes.AddRange(text);
        }

        bytes.Add(0);
        return bytes;
    }

    private static void AddUInt16(List<byte> packet, int value) => packet.AddRange([(byte)(value >> 8), (byte)value]);

    private static int TypeOf(string name) => name switch
    {
        "A" => 1,
        "PTR" => 12,
        "TXT" => 16,
        "AAAA" => 28,
        "SRV" => 33,
        "ANY" => 255,
        _ => int.Parse(name, CultureInfo.InvariantCulture),
    };
}
