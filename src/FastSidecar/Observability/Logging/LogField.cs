namespace FastSidecar.Observability.Logging;

/// <summary>A field of a line beside those every line has. <see cref="Text"/> is UTF-8 and belongs to the caller.</summary>
internal readonly struct LogField
{
    private LogField(string name, ReadOnlyMemory<byte> text, long number, bool isNumber)
    {
        Name = name;
        Text = text;
        Number = number;
        IsNumber = isNumber;
    }

    public string Name { get; }

    public ReadOnlyMemory<byte> Text { get; }

    public long Number { get; }

    public bool IsNumber { get; }

    public static LogField OfText(string name, ReadOnlyMemory<byte> utf8) => new(name, utf8, 0, isNumber: false);

    public static LogField OfNumber(string name, long number) => new(name, default, number, isNumber: true);
}
