using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace FastSidecar.Resolution;

/// <summary>
/// The port peers call when none is configured: a hash of who and where we are, so that a restart in the same folder keeps it (dapr pkg/ports/ports.go
/// v1.18.3).
/// </summary>
internal static partial class InternalPort
{
    private const int First = 47300;
    private const int Range = 65535 - First;

    /// <summary>A port that is free on the loopback right now: the stable one, or any when that is taken.</summary>
    /// <param name="appId">The app id.</param>
    /// <param name="pwd">The variable <c>PWD</c> or null; see <see cref="WorkingDirectory"/>.</param>
    public static int Choose(string appId, string? pwd)
    {
        var stable = Stable(appId, WorkingDirectory(pwd), UserId(), Dns.GetHostName());
        return TryListen(stable, out _) ? stable : TryListen(0, out var any) ? any : stable;
    }

    /// <summary>The first 16 bits, little-endian, of SHA-256 over the joined parts, folded into 47300–65534.</summary>
    public static int Stable(string appId, string workingDirectory, long userId, string hostName)
    {
        var parts = Encoding.UTF8.GetBytes(string.Create(null, $"{appId}|{workingDirectory}|{userId}|{hostName}"));
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(parts, hash);
        return First + ((hash[0] | (hash[1] << 8)) % Range);
    }

    /// <summary>The current folder as Go names it: <paramref name="pwd"/>, which may lead through links, while it still means the same folder.</summary>
    public static string WorkingDirectory(string? pwd)
    {
        var current = Environment.CurrentDirectory;
        return !OperatingSystem.IsWindows() && pwd is ['/', ..] && RealPath(pwd) == current ? pwd : current;
    }

    private static bool TryListen(int port, out int bound)
    {
        bound = 0;
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen(1);
            bound = ((IPEndPoint)socket.LocalEndPoint!).Port;
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static long UserId() => OperatingSystem.IsWindows() ? -1 : NativeUserId();

    private static string? RealPath(string path)
    {
        var resolved = NativeRealPath(path, 0);
        if (resolved == 0)
        {
            return null;
        }

        try
        {
            return Marshal.PtrToStringUTF8(resolved);
        }
        finally
        {
            NativeFree(resolved);
        }
    }

    [LibraryImport("libc", EntryPoint = "getuid")]
    private static partial uint NativeUserId();

    [LibraryImport("libc", EntryPoint = "realpath", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint NativeRealPath(string path, nint buffer);

    [LibraryImport("libc", EntryPoint = "free")]
    private static partial void NativeFree(nint memory);
}
