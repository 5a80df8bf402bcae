using System.Collections.Immutable;

namespace FastSidecar.Configuration.Yaml;

/// <summary>
/// One node of a YAML document, immutable. <paramref name="Line"/> counts from 1; <paramref name="Tag"/> is the short form (<c>!!str</c>),
/// given or resolved. An alias is the same object as its anchor.
/// </summary>
internal abstract record YamlValue(int Line, string Tag);

/// <summary>A value; <paramref name="Text"/> has its quotes and escapes undone.</summary>
internal sealed record YamlScalar(int Line, string Tag, string Text) : YamlValue(Line, Tag);

internal sealed record YamlSequence(int Line, string Tag, ImmutableArray<YamlValue> Items) : YamlValue(Line, Tag);

/// <summary>A mapping; <paramref name="Entries"/> are in the order of the document, duplicates included.</summary>
internal sealed record YamlMapping(int Line, string Tag, ImmutableArray<KeyValuePair<YamlValue, YamlValue>> Entries) : YamlValue(Line, Tag)
{
    /// <summary>The value of a key, null where there is none.</summary>
    public YamlValue? this[string key]
    {
        get
        {
            foreach (var (name, value) in Entries)
            {
                if (name is YamlScalar scalar && scalar.Text == key)
                {
                    return value;
                }
            }

            return null;
        }
    }
}

/// <summary>The text is not the YAML that was expected; the message is complete (<c>yaml: …</c>).</summary>
internal sealed class YamlReadException(string message, Exception? inner = null) : Exception(message, inner);
