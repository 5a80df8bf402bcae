namespace FastSidecar.Configuration.Flags;

/// <summary>A flag of a <see cref="FlagSet"/>: what it is called, how its usage line reads and whether the command line gave it.</summary>
internal abstract class Flag
{
    public required string Name { get; init; }

    /// <summary>One letter for <c>-x</c>; empty for none.</summary>
    public string Shorthand { get; init; } = "";

    /// <summary>Shown behind the name: <c>string</c>, <c>int</c>, …; empty for a switch.</summary>
    public required string TypeName { get; init; }

    public required string Usage { get; init; }

    /// <summary>Shown as <c>(default …)</c>; empty when the default is the type's zero.</summary>
    public string DefaultText { get; init; } = "";

    /// <summary>What to use instead; a deprecated flag works, says so and is not listed. Empty: not deprecated.</summary>
    public string Deprecated { get; init; } = "";

    /// <summary>Works, but is not listed.</summary>
    public bool IsHidden { get; init; }

    /// <summary>Needs no value: <c>--x</c> alone means true, and a value must be given as <c>--x=v</c>.</summary>
    public bool IsSwitch { get; init; }

    /// <summary>The command line gave it.</summary>
    public bool IsGiven { get; protected set; }

    /// <summary>Takes the value; null when it was good, otherwise why not.</summary>
    public abstract string? Set(string text);
}

/// <summary>Turns a value's text into the value, or says why it cannot.</summary>
internal delegate bool FlagParser<T>(string text, out T value, out string? error);

/// <summary>A flag whose last value counts.</summary>
internal sealed class Flag<T>(T defaultValue, FlagParser<T> parser) : Flag
{
    public T Value { get; private set; } = defaultValue;

    public override string? Set(string text)
    {
        if (!parser(text, out var value, out var error))
        {
            return error;
        }

        Value = value;
        IsGiven = true;
        return null;
    }
}

/// <summary>A flag that collects: it may be repeated and each value may hold several, comma separated.</summary>
internal sealed class ListFlag : Flag
{
    private readonly List<string> _values = [];

    public IReadOnlyList<string> Values => _values;

    public override string? Set(string text)
    {
        if (!GoCsv.TryParse(text, out var fields, out var error))
        {
            return error;
        }

        _values.AddRange(fields);
        IsGiven = true;
        return null;
    }
}
