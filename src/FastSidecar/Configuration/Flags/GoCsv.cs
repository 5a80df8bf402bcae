using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace FastSidecar.Configuration.Flags;

/// <summary>
/// A list flag's value: one comma separated record with double-quoted fields, as Go's encoding/csv reads it (pflag string_slice.go).
/// </summary>
internal static class GoCsv
{
    public static bool TryParse(string text, out List<string> fields, [NotNullWhen(false)] out string? error)
    {
        fields = [];
        error = null;
        if (text.Length == 0)
        {
            return true;
        }

        // Only the first record counts.
        var record = text.Split('\n', 2)[0].TrimEnd('\r');
        for (var position = 0; position <= record.Length; position++)
        {
            if (position < record.Length && record[position] == '"')
            {
                if (!TryReadQuoted(record, ref position, out var quoted, out error))
                {
                    return false;
                }

                fields.Add(quoted);
                continue;
            }

            var end = record.IndexOf(',', position) is var comma and >= 0 ? comma : record.Length;
            var field = record[position..end];
            if (field.IndexOf('"') is var quote and >= 0)
            {
                error = $"parse error on line 1, column {position + quote + 1}: bare \" in non-quoted field";
                return false;
            }

            fields.Add(field);
            position = end;
        }

        return true;
    }

    /// <summary>Starts at the opening quote, ends at the comma behind the field or at the end.</summary>
    private static bool TryReadQuoted(string record, ref int position, out string field, [NotNullWhen(false)] out string? error)
    {
        var text = new StringBuilder();
        for (var i = position + 1; i < record.Length; i++)
        {
            if (record[i] != '"')
            {
                text.Append(record[i]);
                continue;
            }

            var closes = i + 1 == record.Length || record[i + 1] == ',';
            if (closes)
            {
                position = i + 1;
                field = text.ToString();
                error = null;
                return true;
            }

            if (record[i + 1] != '"')
            {
                break;
            }

            text.Append('"');
            i++;
        }

        field = "";
        error = $"parse error on line 1, column {record.Length}: extraneous or missing \" in quoted-field";
        return false;
    }
}
