using System.Net;
using System.Net.Sockets;

namespace FastSidecar.Hosting;

/// <summary>Why an address cannot be listened on, in the words of Go's net package: Dapr's log lines and fatal texts carry them (recorded: runtime/cli).</summary>
internal static class ListenError
{
    /// <summary>The start was called off meanwhile.</summary>
    public const string Canceled = "context canceled";

    /// <summary>The name of the address was still being looked up when patience ended.</summary>
    public static string NotLookedUp(string address) => $"listen tcp: lookup {address}: i/o timeout";

    public static bool IsListenError(Exception exception) => exception is SocketException or ArgumentException;

    public static string Describe(string address, int port, Exception exception) => exception switch
    {
        _ when port is < IPEndPoint.MinPort or > IPEndPoint.MaxPort => $"listen tcp: address {port}: invalid port",
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } => $"listen tcp: lookup {address}: no such host",
        _ => $"listen tcp {address}:{port}: bind: {Reason(exception)}",
    };

    public static string DescribeUnix(string path, Exception exception) =>
        // The runtime reports a missing folder as a foreign address.
        $"listen unix {path}: bind: {(Directory.Exists(Path.GetDirectoryName(path)) ? Reason(exception) : "no such file or directory")}";

    private static string Reason(Exception exception) => exception switch
    {
        SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse } => "address already in use",
        // The C library's texts are Go's but for the first letter.
        { Message: [var first, .. var rest] } => char.ToLowerInvariant(first) + rest,
        _ => exception.Message,
    };
}
