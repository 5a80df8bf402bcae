using System.ComponentModel;
using FastSidecar.Integration.Clients;
using FastSidecar.Integration.Mdns;
using FastSidecar.Integration.Samples;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Grpc;

/// <summary>
/// A team's own gRPC programs on grpc-js and on Python's grpcio. They know nothing of sidecars: an address and metadata are their arguments.
/// </summary>
internal static class GrpcPrograms
{
    public const string NodeClient = "client.js";
    public const string PythonClient = "client.py";
    public const string NodeServer = "server.js";
    public const string PythonServer = "server.py";

    private static readonly Lazy<string?> LazyProblem = new(Prepare);

    /// <summary>Why they cannot run; null when they can.</summary>
    public static string? Problem => LazyProblem.Value;

    /// <summary>Untracked, and gone with `make clean`.</summary>
    private static string Folder { get; } = Path.Combine(Repository.Root, "artifacts", "grpc-programs");

    public static async Task<LineProcess> StartServerAsync(string program, int port)
    {
        var server = LineProcess.Start([.. Command(program), $"{port}"]);
        Assert.Equal("serving", await server.ReadLineAsync());
        return server;
    }

    public static Task<ToolResult> RunAsync(string program, params IEnumerable<string> arguments)
    {
        string[] command = [.. Command(program), .. arguments];
        return Tool.RunInAsync(Folder, command[0], command[1..]);
    }

    private static string[] Command(string program) =>
        [program.EndsWith(".py", StringComparison.Ordinal) ? NamespaceFactAttribute.Python : "node", Path.Combine(Folder, program)];

    private static string? Prepare()
    {
        const string Plugin = "grpc_python_plugin";
        if ((NpmPackages.Install(Path.Combine(Repository.Root, "tests", "Integration", "Grpc", "Programs"), Folder) ?? Tool.Missing("protoc", Plugin)) is { } problem)
        {
            return problem;
        }

        try
        {
            var modules = Tool.RunAsync(NamespaceFactAttribute.Python, "-c", "import grpc, google.protobuf").GetAwaiter().GetResult();
            var compiled = Tool.RunInAsync(
                Folder, "sh", "-c", $"protoc -I. --python_out=. --grpc_python_out=. --plugin=protoc-gen-grpc_python=$(command -v {Plugin}) chat.proto").GetAwaiter().GetResult();
            return modules.ExitCode != 0 ? "needs python3-grpcio and python3-protobuf, which are not installed (build/install-test-peers.sh)"
                : compiled.ExitCode != 0 ? $"protoc cannot compile chat.proto: {compiled.Errors}"
                : null;
        }
        catch (Win32Exception e)
        {
            return $"the gRPC programs cannot be run: {e.Message}";
        }
    }
}

/// <summary>A fact that runs the gRPC programs; counted as skipped, with the reason, where they cannot run.</summary>
internal sealed class GrpcFactAttribute : FactAttribute
{
    public GrpcFactAttribute(params string[] programs)
    {
        Skip = GrpcPrograms.Problem ?? Tool.Missing(programs);
    }
}

/// <summary>A theory of them.</summary>
internal sealed class GrpcTheoryAttribute : TheoryAttribute
{
    public GrpcTheoryAttribute(params string[] programs)
    {
        Skip = GrpcPrograms.Problem ?? Tool.Missing(programs);
    }
}
