using System.Buffers.Binary;
using System.Net;
using System.Text.Json;
using System.Text;
using FastSidecar.Resolution.Mdns;
using Xunit;

namespace FastSidecar.Tests.Resolution.Mdns;

/// <summary>One form for packets of ours and packets in the recordings, a line per question or record.</summary>
internal static class PacketText
{
    public static string Of(byte[] packet)
    {
        var entries = new DnsEntry[DnsMessage.MaxEntries];
        Assert.True(DnsMessage.TryParse(packet, entries, out var message));
        var lines = new List<string> { $"flags 0x{BinaryPrimitives.ReadUInt16BigEndian(packet.AsSpan(2)):x4}" };
        var buffer = new byte[DnsName.MaxBytes];
        foreach (var entry in message.Entries)
        {
            var name = NameText(message.NameOf(entry, buffer));
            var top = (entry.Class & DnsEntry.TopBit) != 0 ? 1 : 0;
            lines.Add(entry.Section == DnsSection.Question
                ? $"questions {name} {TypeText(entry.Type)} {entry.Class & ~DnsEntry.TopBit} {top}"
                : $"{SectionText(entry.Section)} {name} {TypeText(entry.Type)} {entry.Class & ~DnsEntry.TopBit} {top} {entry.Ttl} {DataText(message, entry)}");
        }

        return string.Join('\n', lines);
    }

    /// <summary>A packet as recorded; <paramref name="fill"/> replaces placeholders.</summary>
    public static string Of(JsonElement packet, Func<string, string> fill)
    {
        var lines = new List<string> { $"flags {packet.GetProperty("flags").GetString()}" };
        foreach (var section in new[] { "questions", "answers", "authority", "additional" })
        {
            if (!packet.TryGetProperty(section, out var records))
            {
                continue;
            }

            foreach (var record in records.EnumerateArray())
            {
                var name = fill(record.GetProperty("name").GetString()!);
                var start = $"{section} {name} {record.GetProperty("type").GetString()} {record.GetProperty("class").GetInt32()}";
                lines.Add(section == "questions"
                    ? $"{start} {record.GetProperty("QU").GetInt32()}"
                    : $"{start} {record.GetProperty("flush").GetInt32()} {record.GetProperty("ttl").GetInt64()} {DataText(record, fill)}");
            }
        }

        return string.Join('\n', lines);
    }

    private static string DataText(JsonElement record, Func<string, string> fill) => record.GetProperty("type").GetString() switch
    {
        "PTR" => fill(record.GetProperty("ptr").GetString()!),
        "SRV" => $"{record.GetProperty("priority")} {record.GetProperty("weight")} {fill(record.GetProperty("port").ToString())} {fill(record.GetProperty("target").GetString()!)}",
        "TXT" => string.Join('|', record.GetProperty("txt").EnumerateArray().Select(text => text.GetString())),
        "A" => fill(record.GetProperty("a").GetString()!),
        "AAAA" => fill(record.GetProperty("aaaa").GetString()!),
        var other => throw new InvalidOperationException($"unknown type {other}"),
    };

    private static string DataText(in DnsMessage message, in DnsEntry entry)
    {
        var buffer = new byte[DnsName.MaxBytes];
        var data = message.DataOf(entry);
        switch (entry.Type)
        {
            case DnsType.Ptr:
                Assert.True(message.TryGetDataName(entry, 0, buffer, out var target));
                return NameText(target);
            case DnsType.Srv:
                Assert.True(message.TryGetDataName(entry, 6, buffer, out var host));
                return $"{data[0] << 8 | data[1]} {data[2] << 8 | data[3]} {data[4] << 8 | data[5]} {NameText(host)}";
            case DnsType.Txt:
                Assert.Equal(data.Length, data[0] + 1);
                return Encoding.UTF8.GetString(data[1..]);
            default:
                return new IPAddress(data).ToString();
        }
    }

    private static string NameText(ReadOnlySpan<byte> wire)
    {
        var text = new StringBuilder();
        while (wire[0] != 0)
        {
            text.Append(Encoding.UTF8.GetString(wire.Slice(1, wire[0]))).Append('.');
            wire = wire[(1 + wire[0])..];
        }

        return text.ToString();
    }

    private static string TypeText(DnsType type) => type.ToString().ToUpperInvariant();

    private static string SectionText(DnsSection section) => section switch
    {
        DnsSection.Answer => "answers",
        DnsSection.Authority => "authority",
        _ => "additional",
    };
}
