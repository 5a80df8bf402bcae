using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Replay.Special.Mdns;

/// <summary>
/// One form for multicast DNS packets seen and packets recorded: flags, then a line per question and record, in order.
/// Written apart from the product's own reader (RFC 1035 §4).
/// </summary>
internal static class PacketText
{
    private const int HeaderBytes = 12;
    private static readonly string[] Sections = ["questions", "answers", "authority", "additional"];

    /// <summary>Null for what is no DNS packet.</summary>
    public static string? Of(ReadOnlySpan<byte> packet)
    {
        try
        {
            var lines = new List<string> { $"flags 0x{BinaryPrimitives.ReadUInt16BigEndian(packet[2..]):x4}" };
            var at = HeaderBytes;
            for (var section = 0; section < Sections.Length; section++)
            {
                var count = BinaryPrimitives.ReadUInt16BigEndian(packet[(4 + (2 * section))..]);
                for (var i = 0; i < count; i++)
                {
                    lines.Add(Line(packet, Sections[section], ref at));
                }
            }

            return string.Join('\n', lines);
        }
        catch (Exception e) when (e is ArgumentOutOfRangeException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    /// <summary>A recorded packet; <paramref name="fill"/> replaces placeholders.</summary>
    public static string Of(JsonObject recorded, Func<string, string> fill)
    {
        var lines = new List<string> { $"flags {recorded["flags"]!.GetValue<string>()}" };
        foreach (var section in Sections)
        {
            foreach (var record in recorded[section]?.AsArray() ?? [])
            {
                var start = $"{section} {fill(Text(record!["name"]))} {Text(record["type"])} {Text(record["class"])}";
                lines.Add(section == "questions"
                    ? $"{start} {Text(record["QU"])}"
                    : $"{start} {Text(record["flush"])} {Text(record["ttl"])} {Data(record, fill)}");
            }
        }

        return string.Join('\n', lines);
    }

    private static string Line(ReadOnlySpan<byte> packet, string section, ref int at)
    {
        var name = Name(packet, ref at);
        var type = BinaryPrimitives.ReadUInt16BigEndian(packet[at..]);
        var kind = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 2)..]);
        at += 4;
        var start = $"{section} {name} {TypeName(type)} {kind & 0x7fff} {kind >> 15}";
        if (section == "questions")
        {
            return start;
        }

        var ttl = BinaryPrimitives.ReadUInt32BigEndian(packet[at..]);
        var length = BinaryPrimitives.ReadUInt16BigEndian(packet[(at + 4)..]);
        at += 6;
        var data = Data(packet, type, at, length);
        at += length;
        return $"{start} {ttl} {data}";
    }

    private static string Data(ReadOnlySpan<byte> packet, int type, int at, int length)
    {
        var data = packet.Slice(at, length);
        switch (TypeName(type))
        {
            case "PTR":
                return Name(packet, ref at);
            case "SRV":
                var target = at + 6;
                var host = Name(packet, ref target);
                var (priority, weight) = (BinaryPrimitives.ReadUInt16BigEndian(data), BinaryPrimitives.ReadUInt16BigEndian(data[2..]));
                return $"{priority} {weight} {BinaryPrimitives.ReadUInt16BigEndian(data[4..])} {host}";
            case "TXT":
                var texts = new List<string>();
                for (var i = 0; i < data.Length; i += 1 + data[i])
                {
                    texts.Add(Encoding.UTF8.GetString(data.Slice(i + 1, data[i])));
                }

                return string.Join('|', texts);
            case "A" or "AAAA":
                return new IPAddress(data).ToString();
            default:
                return Convert.ToHexStringLower(data);
        }
    }

    private static string Data(JsonNode record, Func<string, string> fill) => Text(record["type"]) switch
    {
        "PTR" => fill(Text(record["ptr"])),
        "SRV" => fill($"{Text(record["priority"])} {Text(record["weight"])} {Text(record["port"])} {Text(record["target"])}"),
        "TXT" => string.Join('|', record["txt"]!.AsArray().Select(t => fill(Text(t)))),
        "A" => fill(Text(record["a"])),
        "AAAA" => fill(Text(record["aaaa"])),
        var type => throw new InvalidDataException($"a recorded record of type {type}"),
    };

    private static string Text(JsonNode? node) => node!.ToString();

    /// <summary>Labels joined by dots as they are, with the final one; follows compression.</summary>
    private static string Name(ReadOnlySpan<byte> packet, ref int at)
    {
        var name = new StringBuilder();
        var position = at;
        var end = -1;
        for (var jumps = 0; packet[position] != 0;)
        {
            var length = packet[position];
            if (length >= 0xc0)
            {
                ArgumentOutOfRangeException.ThrowIfGreaterThan(++jumps, 16);
                end = end < 0 ? position + 2 : end;
                position = ((length & 0x3f) << 8) | packet[position + 1];
                continue;
            }

            name.Append(Encoding.UTF8.GetString(packet.Slice(position + 1, length))).Append('.');
            position += 1 + length;
        }

        at = end < 0 ? position + 1 : end;
        return name.ToString();
    }

    private static string TypeName(int type) => type switch
    {
        1 => "A",
        12 => "PTR",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        255 => "ANY",
        _ => type.ToString(CultureInfo.InvariantCulture),
    };
}
