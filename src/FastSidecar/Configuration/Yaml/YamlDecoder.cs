using System.Globalization;
using FastSidecar.Configuration.Flags;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Configuration.Yaml;

/// <summary>
/// Puts a document into a <see cref="YamlSection"/> under a schema, on top of what is there: sections merge, lists are replaced, later
/// scalars win, unknown keys are skipped. Collects every type error in the words of gopkg.in/yaml.v3 (decode.go).
/// </summary>
internal sealed class YamlDecoder
{
    private readonly List<string> _errors = [];
    private readonly List<string> _unknownKeys = [];

    /// <summary>Keys that nothing reads, as <c>spec.surprise (line 7)</c>.</summary>
    public IReadOnlyList<string> UnknownKeys => _unknownKeys;

    /// <summary>Throws <see cref="YamlReadException"/> with all errors of the document.</summary>
    public void Decode(YamlValue document, YamlSchema schema, YamlSection target)
    {
        DecodeSection(document, schema, target, path: "");
        if (_errors.Count > 0)
        {
            throw new YamlReadException($"yaml: unmarshal errors:\n  {string.Join("\n  ", _errors)}");
        }
    }

    private object? DecodeValue(YamlValue node, YamlSchema schema, object? current, string path)
    {
        if (node.Tag == YamlTag.Null && schema.Kind != YamlKind.Any)
        {
            return schema.IsClearedByNull ? null : current;
        }

        switch (schema.Kind)
        {
            case YamlKind.Any:
                return node.Tag == YamlTag.Null ? null : node;
            case YamlKind.Section:
                var section = current as YamlSection ?? new YamlSection();
                DecodeSection(node, schema, section, path);
                return section;
            case YamlKind.Map:
                var map = current as YamlSection ?? new YamlSection();
                DecodeMap(node, schema, map, path);
                return map;
            case YamlKind.List:
                return DecodeList(node, schema, path) ?? current;
            default:
                return DecodeScalar(node, schema) ?? current;
        }
    }

    private void DecodeSection(YamlValue node, YamlSchema schema, YamlSection target, string path)
    {
        if (!TryGetMapping(node, schema, out var mapping))
        {
            return;
        }

        var merged = new List<YamlValue>();
        var given = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (key, value) in mapping.Entries)
        {
            if (key.Tag == YamlTag.Merge)
            {
                merged.Add(value);
            }
            else if (key is YamlScalar { Text: var name })
            {
                given.Add(name);
                DecodeField(key, value, schema, target, path);
            }
        }

        foreach (var value in merged)
        {
            Merge(value, schema, target, path, given);
        }
    }

    private void DecodeField(YamlValue key, YamlValue value, YamlSchema schema, YamlSection target, string path)
    {
        var name = ((YamlScalar)key).Text;
        var fieldPath = path.Length == 0 ? name : $"{path}.{name}";
        if (schema.Fields.TryGetValue(name, out var field))
        {
            target.Set(name, DecodeValue(value, field, target[name], fieldPath));
        }
        else
        {
            _unknownKeys.Add(string.Create(CultureInfo.InvariantCulture, $"{fieldPath} (line {key.Line})"));
        }
    }

    /// <summary>A <c>&lt;&lt;</c> key: the keys of another mapping that this one does not have itself.</summary>
    private void Merge(YamlValue value, YamlSchema schema, YamlSection target, string path, HashSet<string> given)
    {
        var sources = value switch
        {
            YamlMapping one => [one],
            YamlSequence { Items: var items } when items.All(static item => item is YamlMapping) => items.Cast<YamlMapping>(),
            _ => throw new YamlReadException("yaml: map merge requires map or sequence of maps as the value"),
        };
        foreach (var source in sources)
        {
            foreach (var (key, item) in source.Entries)
            {
                if (key is YamlScalar { Text: var name } && given.Add(name))
                {
                    DecodeField(key, item, schema, target, path);
                }
            }
        }
    }

    private void DecodeMap(YamlValue node, YamlSchema schema, YamlSection target, string path)
    {
        if (!TryGetMapping(node, schema, out var mapping))
        {
            return;
        }

        foreach (var (key, value) in mapping.Entries)
        {
            if (DecodeScalar(key, YamlSchema.Text) is string name)
            {
                target.Set(name, DecodeValue(value, schema.Item!, null, $"{path}.{name}"));
            }
        }
    }

    private List<object>? DecodeList(YamlValue node, YamlSchema schema, string path)
    {
        if (node is not YamlSequence sequence)
        {
            return Fail(node, schema) as List<object>;
        }

        var items = new List<object>();
        foreach (var item in sequence.Items)
        {
            if (DecodeValue(item, schema.Item!, null, $"{path}[]") is { } value)
            {
                items.Add(value);
            }
        }

        return items;
    }

    private object? DecodeScalar(YamlValue node, YamlSchema schema)
    {
        if (node is not YamlScalar scalar)
        {
            return Fail(node, schema);
        }

        object? value = schema.Kind switch
        {
            YamlKind.Text => scalar.Text,
            YamlKind.Boolean => ReadBoolean(scalar),
            YamlKind.Duration => ReadDuration(scalar),
            YamlKind.Int32 => ReadInteger(scalar) is { } number and >= int.MinValue and <= int.MaxValue ? number : null,
            _ => ReadInteger(scalar),
        };
        return value ?? Fail(node, schema);
    }

    /// <summary>The words of YAML 1.1 count too, even in quotes, but a quoted "true" is text.</summary>
    private static bool? ReadBoolean(YamlScalar scalar) => scalar switch
    {
        { Tag: YamlTag.Bool, Text: ['t' or 'T', ..] } => true,
        { Tag: YamlTag.Bool } => false,
        { Tag: YamlTag.Text, Text: "y" or "Y" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" } => true,
        { Tag: YamlTag.Text, Text: "n" or "N" or "no" or "No" or "NO" or "off" or "Off" or "OFF" } => false,
        _ => null,
    };

    private static long? ReadInteger(YamlScalar scalar) => scalar switch
    {
        { Tag: YamlTag.Int } when YamlTag.TryReadInteger(scalar.Text, out var number) => number,
        { Tag: YamlTag.Float } when YamlTag.TryReadFloat(scalar.Text, out var number) && Math.Abs(number) < long.MaxValue => (long)number,
        _ => null,
    };

    private static TimeSpan? ReadDuration(YamlScalar scalar) =>
        scalar.Tag == YamlTag.Text && GoDuration.TryParse(scalar.Text, out var duration, out _) ? duration : null;

    /// <summary>False where the node is no mapping or has a key twice.</summary>
    private bool TryGetMapping(YamlValue node, YamlSchema schema, out YamlMapping mapping)
    {
        mapping = (node as YamlMapping)!;
        if (node is not YamlMapping)
        {
            Fail(node, schema);
            return false;
        }

        var errorsBefore = _errors.Count;
        for (var i = 0; i < mapping.Entries.Length; i++)
        {
            for (var j = i + 1; j < mapping.Entries.Length; j++)
            {
                if (mapping.Entries[i].Key is YamlScalar first && mapping.Entries[j].Key is YamlScalar second && first.Text == second.Text)
                {
                    _errors.Add(string.Create(
                        CultureInfo.InvariantCulture,
                        $"line {second.Line}: mapping key {GoQuote.Quote(second.Text)} already defined at line {first.Line}"));
                }
            }
        }

        return _errors.Count == errorsBefore;
    }

    private object? Fail(YamlValue node, YamlSchema schema)
    {
        var value = node is not YamlScalar { Text: var text } ? ""
            : text.Length > 10 ? $" `{text[..7]}...`"
            : $" `{text}`";
        _errors.Add(string.Create(
            CultureInfo.InvariantCulture, $"line {node.Line}: cannot unmarshal {node.Tag}{value} into {schema.GoName}"));
        return null;
    }
}
