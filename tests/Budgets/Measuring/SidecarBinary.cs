using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;

namespace FastSidecar.Budgets.Measuring;

/// <summary>The published sidecar as a file.</summary>
internal static partial class SidecarBinary
{
    public static Dictionary<string, double> Size() => new() { ["binary/size"] = new FileInfo(Repository.Sidecar).Length };

    /// <summary>
    /// What it was published for: the assemblies in it name their frameworks, and no package is built for a later one than the program.
    /// </summary>
    public static Platform Platform { get; } = new(Framework(), RuntimeInformation.ProcessArchitecture);

    private static string Framework()
    {
        var text = Encoding.Latin1.GetString(File.ReadAllBytes(Repository.Sidecar));
        var latest = Frameworks().Matches(text).Select(static match => Version.Parse(match.Groups[1].ValueSpan)).Max();
        return $"net{latest}";
    }

    [GeneratedRegex(@"\.NETCoreApp,Version=v(\d+\.\d+)")]
    private static partial Regex Frameworks();
}
