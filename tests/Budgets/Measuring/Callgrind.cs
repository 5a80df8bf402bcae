using System.Globalization;
using System.Text.RegularExpressions;
using FastSidecar.Compare;

namespace FastSidecar.Budgets.Measuring;

/// <summary>
/// Instructions that a program executes in user space, counted by valgrind's callgrind: the same numbers on a busy machine as on an idle
/// one. What the kernel does for the program is not in them; that is what system calls are counted for.
/// </summary>
internal sealed partial class Callgrind(string folder)
{
    /// <summary>Valgrind cannot give the runtime the 256 GiB of addresses that it reserves otherwise; 0x8000000 is 128 MiB.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } =
        new Dictionary<string, string> { ["DOTNET_GCHeapHardLimit"] = "8000000" };

    /// <summary>The command that runs another one under callgrind. Nothing is counted before <see cref="Begin"/>.</summary>
    /// <param name="name">Tells the programs of one folder apart.</param>
    public IReadOnlyList<string> Prefix(string name) =>
        ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=" + Output(name)];

    public static void Begin(int process) => Control("-i", "on", process);

    /// <summary>What was counted since the last time it was taken.</summary>
    public long Take(string name, int process)
    {
        var before = Dumps(name).ToHashSet();
        Control("-d", null, process);
        var dump = Dumps(name).Single(file => !before.Contains(file));
        var totals = Totals().Match(File.ReadAllText(dump));
        File.Delete(dump);
        return totals.Success
            ? long.Parse(totals.Groups[1].ValueSpan, CultureInfo.InvariantCulture)
            : throw new InvalidOperationException($"{dump} has no totals");
    }

    private string Output(string name) => Path.Combine(folder, name + ".callgrind");

    private IEnumerable<string> Dumps(string name) => Directory.EnumerateFiles(folder, name + ".callgrind.*");

    private static void Control(string option, string? value, int process)
    {
        IReadOnlyList<string> command = value is null ? [option] : [option, value];
        _ = Programs.Output(["callgrind_control", .. command, process.ToString(CultureInfo.InvariantCulture)])
            ?? throw new InvalidOperationException($"callgrind_control {option} {value} failed for process {process}");
    }

    [GeneratedRegex(@"^(?:totals|summary): (\d+)", RegexOptions.Multiline)]
    private static partial Regex Totals();
}
