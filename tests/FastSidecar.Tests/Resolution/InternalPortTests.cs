using System.Net;
using System.Net.Sockets;
using FastSidecar.Resolution;
using Xunit;

namespace FastSidecar.Tests.Resolution;

public sealed class InternalPortTests
{
    [Theory]
    [InlineData("callee", "/srv/app", 0, "host", 61236)]
    [InlineData("caller", "/srv/app", 0, "host", 49270)]
    [InlineData("callee", "/srv/app", -1, "host", 55351)]
    [InlineData("café", "/tmp/x y", 1000, "a.b", 58677)]
    public void Stable_IsTheHashOfWhoAndWhere(string appId, string folder, long userId, string host, int expected) =>
        Assert.Equal(expected, InternalPort.Stable(appId, folder, userId, host));

    [Fact]
    public void Stable_StaysInItsRange()
    {
        for (var i = 0; i < 10_000; i++)
        {
            Assert.InRange(InternalPort.Stable($"app{i}", "/", 0, "h"), 47300, 65534);
        }
    }

    [Fact]
    public void Taken_AnotherFreePortIsChosen()
    {
        var appId = $"test-{Guid.NewGuid()}";
        var stable = InternalPort.Choose(appId, null);
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, stable));
        holder.Listen(1);
        Assert.NotEqual(stable, InternalPort.Choose(appId, null));
    }

    [Fact]
    public void Pwd_CountsWhileItMeansTheCurrentFolder()
    {
        var current = Environment.CurrentDirectory;
        Assert.Equal(current, InternalPort.WorkingDirectory(null));
        Assert.Equal(current, InternalPort.WorkingDirectory("/"));
        Assert.Equal(current, InternalPort.WorkingDirectory("relative"));
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var link = Path.Combine(Path.GetTempPath(), $"pwd-{Guid.NewGuid()}");
        File.CreateSymbolicLink(link, current);
        try
        {
            Assert.Equal(link, InternalPort.WorkingDirectory(link));
        }
        finally
        {
            File.Delete(link);
        }
    }
}
