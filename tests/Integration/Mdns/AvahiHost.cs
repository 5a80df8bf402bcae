using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>avahi on host b, with a message bus of its own, so that avahi's own programs can be used there.</summary>
internal sealed class AvahiHost : IAsyncDisposable
{
    private const string BusConfiguration =
        """
        <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
        <busconfig><type>system</type><listen>unix:path=BUS</listen><auth>EXTERNAL</auth>
        <policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
        """;

    private readonly TwoHosts _hosts;
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("fs-avahi");
    private readonly List<LineProcess> _processes = [];

    private AvahiHost(TwoHosts hosts)
    {
        _hosts = hosts;
    }

    /// <summary>The programs a test with this host needs.</summary>
    public const string Daemon = "avahi-daemon";
    public const string Bus = "dbus-daemon";

    public static async Task<AvahiHost> StartOnBAsync(TwoHosts hosts)
    {
        var host = new AvahiHost(hosts);
        var bus = Path.Combine(host._folder.FullName, "bus");
        var busFile = Path.Combine(host._folder.FullName, "bus.conf");
        await File.WriteAllTextAsync(busFile, BusConfiguration.Replace("BUS", bus, StringComparison.Ordinal));
        var avahiFile = Path.Combine(host._folder.FullName, "avahi.conf");
        await File.WriteAllTextAsync(
            avahiFile,
            "[server]\nhost-name=avahihost\nuse-ipv4=yes\nuse-ipv6=yes\nallow-interfaces=v0\nenable-dbus=yes\n"
            + "[publish]\npublish-workstation=no\n");
        host._processes.Add(hosts.StartOnB(Bus, $"--config-file={busFile}", "--nofork"));
        await UntilAsync(() => Task.FromResult(File.Exists(bus)), "the message bus did not start");

        // A mount namespace of its own, because its pid file has one place per machine.
        host._processes.Add(hosts.StartOnB(
            ["env", host.BusAddress, "unshare", "-m", "sh", "-c",
            "mount -t tmpfs none /run && mkdir -p /run/avahi-daemon"
            + $" && exec avahi-daemon --no-drop-root --no-chroot --no-rlimits -f {avahiFile}"]));
        await UntilAsync(host.AnswersAsync, "avahi did not start");
        return host;
    }

    private string BusAddress => $"DBUS_SYSTEM_BUS_ADDRESS=unix:path={Path.Combine(_folder.FullName, "bus")}";

    /// <summary>Runs one of avahi's programs to its end and gives what it printed on both streams.</summary>
    public async Task<string> RunAsync(params IEnumerable<string> command)
    {
        await using var process = _hosts.StartOnB(["env", BusAddress, "timeout", "5", "sh", "-c", "exec \"$@\" 2>&1", "sh", .. command]);
        return await process.ReadToEndAsync();
    }

    /// <summary>Starts a program that stays.</summary>
    public LineProcess Start(params IEnumerable<string> command) => _hosts.StartOnB(["env", BusAddress, .. command]);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in Enumerable.Reverse(_processes))
        {
            await process.KillAsync();
            await process.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        var answer = await RunAsync("avahi-resolve-host-name", "-4", "avahihost.local");
        return answer.Contains(TwoHosts.AddressOfB, StringComparison.Ordinal);
    }

    private static async Task UntilAsync(Func<Task<bool>> condition, string otherwise)
    {
        var deadline = Task.Delay(TestTimeouts.Default);
        while (!await condition())
        {
            Assert.False(deadline.IsCompleted, otherwise);
            await Task.Delay(50);
        }
    }
}
