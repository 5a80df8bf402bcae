using System.Diagnostics;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Shared;

/// <summary>What a program printed, and how it ended.</summary>
internal sealed record ToolResult(int ExitCode, string Output, string Errors)
{
    public override string ToString() => $"exit {ExitCode}\n{Output}\n{Errors}";
}

/// <summary>Other programs, run to their end.</summary>
internal static class Tool
{
    /// <summary>Why a test cannot run: the first program that is not installed; null when all are.</summary>
    public static string? Missing(params IEnumerable<string> programs)
    {
        var missing = programs.FirstOrDefault(static program => Find(program) is null);
        return missing is null ? null : $"needs {missing}, which is not installed (build/install-test-peers.sh)";
    }

    public static Task<ToolResult> RunAsync(string program, params IEnumerable<string> arguments) => RunInAsync(Environment.CurrentDirectory, program, arguments);

    public static async Task<ToolResult> RunInAsync(string folder, string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        try
        {
            await process.WaitForExitAsync().Within($"the end of {program} {string.Join(' ', start.ArgumentList)}");
        }
        catch (TimeoutException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', start.ArgumentList)} did not end; it printed\n{await output}\n{await errors}");
        }

        return new ToolResult(process.ExitCode, await output, await errors);
    }

    private static string? Find(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
}
