using System.Text.RegularExpressions;
using Xunit;

namespace FastSidecar.Tests;

/// <summary>
/// The one rule of docs/architecture.md: a folder may use any folder on a lower line, and none on its own. Folders are namespaces, so the sources' using lines and
/// qualified names show every arrow.
/// </summary>
public sealed partial class ArchitectureTests
{
    /// <summary>Lowest first. A folder with a dot is a line's member by itself; its siblings are as far away as any other folder.</summary>
    private static readonly string[][] Lines =
    [
        ["Transport"],
        ["Invocation", "Protocol", "Observability", "Kubernetes"],
        ["Resiliency", "AccessControl", "Resolution", "Security", "Targets.Peers", "Targets.Apps", "Targets.External"],
        ["Outbound", "Inbound"],
        ["Api.Http", "Api.Grpc", "Api.Peer"],
        ["Configuration"],
        ["Hosting", "Sentry", "Injector"],
        ["Commands"],
        [""], // Program.cs
    ];

    /// <summary>Arrows that are there although the table has no room for them, each with its reason.</summary>
    private static readonly (string From, string To)[] Exceptions =
    [
        // A request's verb is the enum of the sidecar-to-sidecar wire, which Protocol has to know without knowing requests.
        ("Invocation", "Protocol"),
    ];

    private static readonly string Sources = Path.Combine(FindRoot(), "src");

    [Fact]
    public void Sources_EveryArrow_PointsDown()
    {
        var wrong = new SortedSet<string>(StringComparer.Ordinal);
        var unused = Exceptions.ToHashSet();
        foreach (var (file, from) in Files("FastSidecar"))
        {
            foreach (var to in UsedFolders(file, from))
            {
                if (LineOf(to) >= LineOf(from) && !unused.Remove((from, to)) && !Exceptions.Contains((from, to)))
                {
                    wrong.Add($"{Shown(from)} -> {Shown(to)}: {Path.GetRelativePath(Sources, file)}");
                }
            }
        }

        Assert.True(wrong.Count == 0, $"arrows that do not point down:\n{string.Join('\n', wrong)}");
        Assert.True(unused.Count == 0, $"exceptions that nothing needs any more: {string.Join(", ", unused)}");
    }

    [Fact]
    public void Transport_NeverNames_TheProgram()
    {
        var wrong = Files("Transport")
            .SelectMany(static file => QualifiedNames().Matches(Code(file.Path)).Select(match => (file.Path, Name: match.Value)))
            .Where(static use => use.Name.Split('.')[1] != "Transport")
            .Select(static use => $"{Path.GetRelativePath(Sources, use.Path)}: {use.Name}")
            .ToArray();

        Assert.True(wrong.Length == 0, $"src/Transport knows nothing of the program, but names\n{string.Join('\n', wrong)}");
    }

    [Theory]
    [InlineData("FastSidecar", "FastSidecar")]
    [InlineData("Transport", "FastSidecar.Transport")]
    public void Namespaces_EveryFile_IsItsFolder(string project, string root)
    {
        var wrong = new List<string>();
        foreach (var (path, _) in Files(project))
        {
            var folder = Path.GetDirectoryName(Path.GetRelativePath(Path.Combine(Sources, project), path))!;
            var expected = folder.Length == 0 ? root : $"{root}.{folder.Replace(Path.DirectorySeparatorChar, '.')}";
            var declared = NamespaceLine().Match(Code(path));
            if (declared.Success && declared.Groups[1].Value != expected)
            {
                wrong.Add($"{Path.GetRelativePath(Sources, path)}: {declared.Groups[1].Value}");
            }
        }

        Assert.True(wrong.Count == 0, $"a folder is a namespace, but not here:\n{string.Join('\n', wrong)}");
    }

    /// <summary>The members of the table that a file uses, its own left out.</summary>
    private static IEnumerable<string> UsedFolders(string file, string from)
    {
        var code = Code(file);
        var names = QualifiedNames().Matches(code).Select(static match => match.Value)
            .Concat(RelativeNames().Matches(code).Select(static match => $"FastSidecar.{match.Value}"));
        return names.Select(static name => MemberOf(name["FastSidecar.".Length..])).Where(to => to != from).Distinct();
    }

    /// <summary>The member of the table that a namespace, written without its first part, belongs to.</summary>
    private static string MemberOf(string name)
    {
        var parts = name.Split('.');
        var two = parts.Length > 1 ? $"{parts[0]}.{parts[1]}" : parts[0];
        return Lines.Any(line => line.Contains(two)) ? two
            : Lines.Any(line => line.Contains(parts[0])) ? parts[0]
            : throw new InvalidOperationException($"{name} has no line in the table");
    }

    private static int LineOf(string member) => Array.FindIndex(Lines, line => line.Contains(member));

    private static string Shown(string member) => member.Length == 0 ? "Program" : member.Replace('.', '/');

    private static IEnumerable<(string Path, string Member)> Files(string project)
    {
        var root = Path.Combine(Sources, project);
        return Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Select(path => (Path: path, Folders: Path.GetRelativePath(root, path).Split(Path.DirectorySeparatorChar)[..^1]))
            .Where(static file => file.Folders is not ["bin" or "obj", ..])
            .Select(file => (file.Path, file.Folders.Length == 0 || project == "Transport" ? "" : MemberOf(string.Join('.', file.Folders))));
    }

    /// <summary>The file without comments, which may name what they like.</summary>
    private static string Code(string path) => Comments().Replace(File.ReadAllText(path), "");

    internal static string FindRoot()
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "FastSidecar.slnx")))
            {
                return folder;
            }
        }

        throw new InvalidOperationException($"{AppContext.BaseDirectory} is not inside the repository");
    }

    [GeneratedRegex(@"^\s*//.*$", RegexOptions.Multiline)]
    private static partial Regex Comments();

    [GeneratedRegex(@"^namespace ([A-Za-z.]+);", RegexOptions.Multiline)]
    private static partial Regex NamespaceLine();

    /// <summary>In using lines and in front of a type.</summary>
    [GeneratedRegex(@"\bFastSidecar(\.[A-Z][A-Za-z]*)+")]
    private static partial Regex QualifiedNames();

    /// <summary>Namespaces of two parts written without the first one, as C# allows inside of FastSidecar: Api.Http.HttpServer.</summary>
    [GeneratedRegex(@"(?<![\w.])(Api\.(Http|Grpc|Peer)|Targets\.(Peers|Apps|External)|Configuration\.(Flags|Yaml)|Resolution\.Mdns|Protocol\.(Peer|Protobuf)|Observability\.(Logging|Metrics|Tracing)|Transport\.[A-Z][A-Za-z0-9]*)\.")]
    private static partial Regex RelativeNames();
}
