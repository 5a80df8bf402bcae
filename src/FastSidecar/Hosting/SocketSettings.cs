using FastSidecar.Transport.Sockets;

namespace FastSidecar.Hosting;

/// <summary>
/// Settings of the runtime's socket engine that only its environment can carry. They have to stand before the first socket; the runtime reads them from the managed copy of the
/// environment, so nothing has to be started anew.
/// </summary>
internal static class SocketSettings
{
    /// <summary>A completion runs on the socket thread that saw it, without a queue between: measured to halve what a request costs.</summary>
    private const string InlineCompletions = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>One socket thread was best on two cores; docs/architecture.md says what that means on machines with many.</summary>
    private const string ThreadCount = "DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT";

    /// <summary><c>runtime</c>: sockets are waited for by the runtime's engine instead of our event loop.</summary>
    private const string Engine = "FASTSIDECAR_SOCKETS";

    /// <summary>Variables that are ours alone: apps that are started from here must not inherit them.</summary>
    public static readonly IReadOnlyCollection<string> OwnVariables = [InlineCompletions, ThreadCount];

    public static void Apply()
    {
        if (Environment.GetEnvironmentVariable(Engine) == "runtime")
        {
            SocketEngine.UseRuntime();
        }

        SetUnlessSet(InlineCompletions, "1");
        SetUnlessSet(ThreadCount, "1");
    }

    private static void SetUnlessSet(string name, string value)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name)))
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
