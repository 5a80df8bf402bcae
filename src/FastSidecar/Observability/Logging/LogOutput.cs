using System.Diagnostics.CodeAnalysis;

namespace FastSidecar.Observability.Logging;

/// <summary>Where lines go.</summary>
internal static class LogOutput
{
    /// <summary>
    /// Opens the file of <paramref name="options"/> for appending; <paramref name="standardOutput"/> when it names none. False with the
    /// reason daprd gives (dapr/kit logger/options.go).
    /// </summary>
    public static bool TryOpen(
        LoggingOptions options, Stream standardOutput, [NotNullWhen(true)] out Stream? output, [NotNullWhen(false)] out string? problem)
    {
        problem = null;
        output = standardOutput;
        if (options.File.Length == 0)
        {
            return true;
        }

        try
        {
            // Unbuffered: a line is one write.
            output = new FileStream(options.File, FileMode.Append, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            output = null;
            problem = $"failed to open log file {GoQuote.Quote(options.File)}: open {options.File}: {Reason(e, options.File)}";
            return false;
        }
    }

    private static string Reason(Exception e, string path) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "no such file or directory",
        _ when Directory.Exists(path) => "is a directory",
        UnauthorizedAccessException => "permission denied",
        _ => e.Message,
    };
}
