using System.Collections.Immutable;

namespace FastSidecar.Configuration.Yaml;

/// <summary>
/// A section's values after decoding: string, bool, long, TimeSpan, <see cref="YamlSection"/>, a list of those, or a
/// <see cref="YamlValue"/> where anything is allowed. Keys that were never given are absent.
/// </summary>
internal sealed class YamlSection
{
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    public string Text(string key, string otherwise = "") => Get<string>(key) ?? otherwise;

    public bool Boolean(string key, bool otherwise = false) => _values.GetValueOrDefault(key) is bool value ? value : otherwise;

    /// <summary>The section; an empty one when it is absent.</summary>
    public YamlSection Section(string key) => Get<YamlSection>(key) ?? new YamlSection();

    public IEnumerable<YamlSection> Sections(string key) => (Get<List<object>>(key) ?? []).OfType<YamlSection>();

    public ImmutableArray<string> Texts(string key) => [.. (Get<List<object>>(key) ?? []).OfType<string>()];

    public YamlValue? Any(string key) => Get<YamlValue>(key);

    public bool Has(string key) => _values.ContainsKey(key);

    internal object? this[string key] => _values.GetValueOrDefault(key);

    internal void Set(string key, object? value)
    {
        if (value is null)
        {
            _values.Remove(key);
        }
        else
        {
            _values[key] = value;
        }
    }

    private T? Get<T>(string key)
        where T : class => _values.GetValueOrDefault(key) as T;
}
