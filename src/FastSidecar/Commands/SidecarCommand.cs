using System.Runtime.InteropServices;
using FastSidecar.Configuration;
using FastSidecar.Hosting;
using FastSidecar.Observability.Logging;

namespace FastSidecar.Commands;

internal static class SidecarCommand
{
    public static async Task<int> RunAsync(string[] args, TimeProvider time)
    {
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1");
        Environment.SetEnvironmentVariable("DOTNET_SYSTEM_NET_SOCKETS_THREAD_COUNT", "1");
        var environment = EnvironmentVariables.Read();
        var read = CommandLine.Read(args, environment, System.Net.Dns.GetHostName(), asDaprd: true, Console.Error);
        var options = read.Options!;
        using var logging = new DaprLogging(options.Logging, Console.OpenStandardOutput(), time);
        var signalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => { c.Cancel = true; signalled.TrySetResult(); });
        using var intr = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => { c.Cancel = true; signalled.TrySetResult(); });
        var config = ConfigurationLoader.Load(options.ConfigPaths, n => environment[n]);
        return await new SidecarRun(options, config, environment, logging, time).RunAsync(signalled.Task);
    }
}
