using System.Diagnostics;

namespace FastSidecar.Conformance.Processes;

/// <summary>
/// A network of its own for a child process, so that topologies running at the same time neither share ports nor hear each other's
/// mDNS. It vanishes with its last process.
/// </summary>
internal static class IsolatedNetwork
{
    /// <summary>The address of sidecars inside; nine characters as in the recordings, whose lengths count on it.</summary>
    public const string HostIp = "10.99.0.2";

    /// <summary>What stands for it without a network of its own: a loopback address that no recorded text names, of the same length.</summary>
    public const string HostIpHere = "127.0.0.9";

    private const string SetUp =
        "ip link set lo up && ip link add v0 type veth peer name v1 && ip addr add 10.99.0.2/24 dev v0 && ip link set v0 up multicast on"
        + " && ip link set v1 up && ip route add default dev v0";

    private static readonly Lazy<bool> Works = new(Probe);

    /// <summary>Whether this user may make networks here: root, or anyone where the kernel lets users have namespaces; util-linux, iproute2.</summary>
    public static bool IsAvailable => Works.Value;

    /// <summary>The command line that runs <paramref name="command"/> in a new network.</summary>
    public static ProcessStartInfo Wrap(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo("unshare");
        foreach (var argument in (IEnumerable<string>)[.. Environment.IsPrivilegedProcess ? Array.Empty<string>() : ["--user", "--map-root-user"], "--net", "--", "sh", "-c", SetUp + " && exec \"$@\"", "sh", .. command])
        {
            start.ArgumentList.Add(argument);
        }

        return start;
    }

    private static bool Probe()
    {
        try
        {
            var start = Wrap(["true"]);
            start.RedirectStandardError = true;
            using var process = Process.Start(start)!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
