using System.Globalization;

namespace FastSidecar.Configuration.Flags;

/// <summary>Declares flags of the kinds that daprd has.</summary>
internal static class FlagSetExtensions
{
    public static Flag<string> String(
        this FlagSet flags,
        string name,
        string defaultValue,
        string usage,
        string shorthand = "",
        string deprecated = "",
        bool hidden = false) =>
        flags.Add(new Flag<string>(defaultValue, TakeText)
        {
            Name = name,
            Shorthand = shorthand,
            TypeName = "string",
            Usage = usage,
            DefaultText = defaultValue,
            Deprecated = deprecated,
            IsHidden = hidden,
        });

    public static Flag<bool> Switch(
        this FlagSet flags,
        string name,
        bool defaultValue,
        string usage,
        string shorthand = "",
        string deprecated = "",
        bool hidden = false) =>
        flags.Add(new Flag<bool>(defaultValue, GoNumber.TryParseBool)
        {
            Name = name,
            Shorthand = shorthand,
            TypeName = "",
            Usage = usage,
            DefaultText = defaultValue ? "true" : "",
            Deprecated = deprecated,
            IsHidden = hidden,
            IsSwitch = true,
        });

    public static Flag<long> Integer(
        this FlagSet flags, string name, long defaultValue, string usage, string shorthand = "", string deprecated = "") =>
        flags.Add(new Flag<long>(defaultValue, GoNumber.TryParseInt)
        {
            Name = name,
            Shorthand = shorthand,
            TypeName = "int",
            Usage = usage,
            DefaultText = defaultValue == 0 ? "" : defaultValue.ToString(CultureInfo.InvariantCulture),
            Deprecated = deprecated,
        });

    public static Flag<ulong> Unsigned(this FlagSet flags, string name, ulong defaultValue, string usage) =>
        flags.Add(new Flag<ulong>(defaultValue, GoNumber.TryParseUint)
        {
            Name = name,
            TypeName = "uint",
            Usage = usage,
            DefaultText = defaultValue == 0 ? "" : defaultValue.ToString(CultureInfo.InvariantCulture),
        });

    public static Flag<TimeSpan> Duration(this FlagSet flags, string name, TimeSpan defaultValue, string usage) =>
        flags.Add(new Flag<TimeSpan>(defaultValue, GoDuration.TryParse)
        {
            Name = name,
            TypeName = "duration",
            Usage = usage,
            DefaultText = defaultValue == TimeSpan.Zero ? "" : GoDuration.Format(defaultValue),
        });

    public static ListFlag List(this FlagSet flags, string name, string usage, string shorthand = "") =>
        flags.Add(new ListFlag { Name = name, Shorthand = shorthand, TypeName = "strings", Usage = usage });

    private static bool TakeText(string text, out string value, out string? error)
    {
        value = text;
        error = null;
        return true;
    }
}
