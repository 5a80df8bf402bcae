using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;

namespace FastSidecar.Configuration;

/// <summary>The port other sidecars connect to when no flag names one (dapr pkg/ports/ports.go).</summary>
internal static class InternalPort
{
    private const int First = 47300;
    private const int Count = 65535 - First;

    /// <summary>The same app, started by the same user in the same folder of the same host, gets the same port again.</summary>
    public static int Stable(string appId, string workingFolder, uint userId, string hostName)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{appId}|{workingFolder}|{userId}|{hostName}");
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(text));
        return First + ((hash[0] | (hash[1] << 8)) % Count);
    }

    /// <summary><paramref name="stable"/> if it is free on the loopback address, otherwise any free port.</summary>
    public static int ChooseFree(int stable) => TryBind(stable) ?? TryBind(0) ?? stable;

    private static int? TryBind(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return ((IPEndPoint)listener.LocalEndpoint).Port;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
