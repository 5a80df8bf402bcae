namespace FastSidecar.Configuration.Yaml;

/// <summary>What a place in a document may hold, under the name that Go gives the type: it is part of daprd's error texts.</summary>
internal sealed record YamlSchema(YamlKind Kind, string GoName)
{
    public static readonly YamlSchema Text = new(YamlKind.Text, "string");
    public static readonly YamlSchema Bool = new(YamlKind.Boolean, "bool");
    public static readonly YamlSchema Integer32 = new(YamlKind.Int32, "int32");
    public static readonly YamlSchema Integer = new(YamlKind.Int64, "int");
    public static readonly YamlSchema Duration = new(YamlKind.Duration, "time.Duration");
    public static readonly YamlSchema Any = new(YamlKind.Any, "interface {}");

    /// <summary>Of a section: what its keys hold.</summary>
    public IReadOnlyDictionary<string, YamlSchema> Fields { get; private init; } =
        new Dictionary<string, YamlSchema>(StringComparer.Ordinal);

    /// <summary>Of a list or a map: what its items hold.</summary>
    public YamlSchema? Item { get; private init; }

    /// <summary>A null takes away what earlier files put there (a Go pointer, slice or map); otherwise it changes nothing.</summary>
    public bool IsClearedByNull { get; init; }

    public static YamlSchema TextNamed(string goName) => new(YamlKind.Text, goName);

    public static YamlSchema List(YamlSchema item, string? goName = null) =>
        new(YamlKind.List, goName ?? $"[]{item.GoName}") { Item = item, IsClearedByNull = true };

    public static YamlSchema Map(YamlSchema item) =>
        new(YamlKind.Map, $"map[string]{item.GoName}") { Item = item, IsClearedByNull = true };

    /// <summary>A struct behind a pointer, as Dapr's sections are.</summary>
    public static YamlSchema Section(string goName, params (string Key, YamlSchema Schema)[] fields) =>
        Plain(goName, fields) with { IsClearedByNull = true };

    /// <summary>A struct that is not behind a pointer.</summary>
    public static YamlSchema Plain(string goName, params (string Key, YamlSchema Schema)[] fields) =>
        new(YamlKind.Section, goName) { Fields = fields.ToDictionary(static f => f.Key, static f => f.Schema, StringComparer.Ordinal) };
}

internal enum YamlKind
{
    Text,
    Boolean,
    Int32,
    Int64,
    Duration,
    List,
    Map,
    Section,
    Any,
}
