using System.Diagnostics;
using FastSidecar.Tests.Shared;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>The openssl program: makes the keys .NET cannot make, and is a peer that is not .NET.</summary>
internal static class OpenSsl
{
    private static readonly Lazy<string?> Problem = new(Probe);

    /// <summary>Why tests that need it cannot run here; null where they can.</summary>
    public static string? Missing => Problem.Value;

    /// <summary>Runs a command to its end and gives what it printed.</summary>
    public static string Run(params string[] arguments)
    {
        using var process = Start(arguments);
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        if (!process.WaitForExit(TestTimeouts.Default) || process.ExitCode != 0)
        {
            throw new InvalidOperationException($"openssl {string.Join(' ', arguments)}: {errors.Result}");
        }

        return output;
    }

    public static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo("openssl", arguments)
    {
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    })!;

    private static string? Probe()
    {
        try
        {
            var version = Run("version");
            return version.StartsWith("OpenSSL 3", StringComparison.Ordinal) ? null : $"needs openssl 3, found {version.Trim()}";
        }
        catch (Exception failure) when (failure is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return "needs the openssl program (apt-get install openssl)";
        }
    }
}
