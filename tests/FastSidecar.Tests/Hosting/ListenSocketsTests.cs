using System.Net;
using System.Net.Sockets;
using FastSidecar.Hosting;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Hosting;

public sealed class ListenSocketsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _failures = [];

    [Fact]
    public async Task FreeAddress_BoundAtOnce()
    {
        using var socket = await Sockets().TryBindAsync("127.0.0.1", 0, ListenSockets.Bind, Fail, CancellationToken.None).Within("bound");

        Assert.NotNull(socket);
        Assert.Equal(0, _time.TimerCount);
    }

    [Fact]
    public async Task TakenPort_TriedForTenSecondsAndReported()
    {
        var tries = 0;
        var binding = Sockets().TryBindAsync<object>("127.0.0.1", 80, _ => Taken(ref tries), Fail, CancellationToken.None);

        var waited = TimeSpan.Zero;
        while (!binding.IsCompleted)
        {
            await Task.WhenAny(binding, _time.WaitForTimersAsync(1));
            _time.Advance(TimeSpan.FromMilliseconds(50));
            waited += TimeSpan.FromMilliseconds(50);
        }

        Assert.Null(await binding);
        Assert.InRange(waited, TimeSpan.FromSeconds(9), TimeSpan.FromSeconds(10.1));
        Assert.InRange(tries, 20, 30);
        Assert.Equal(["127.0.0.1:80 listen tcp 127.0.0.1:80: bind: address already in use"], _failures);
    }

    [Fact]
    public async Task PortFreedMeanwhile_Bound()
    {
        var tries = 0;
        var binding = Sockets().TryBindAsync("127.0.0.1", 80, _ => tries < 3 ? Taken(ref tries) : "bound", Fail, CancellationToken.None);
        while (!binding.IsCompleted)
        {
            await Task.WhenAny(binding, _time.WaitForTimersAsync(1));
            _time.Advance(TimeSpan.FromMilliseconds(100));
        }

        Assert.Equal("bound", await binding);
        Assert.Empty(_failures);
    }

    [Fact]
    public async Task StartCalledOff_FirstTryStillMade()
    {
        var tries = 0;
        using var off = new CancellationTokenSource();
        await off.CancelAsync();

        Assert.Equal("bound", await Sockets().TryBindAsync("127.0.0.1", 80, static _ => "bound", Fail, off.Token).Within("bound"));
        Assert.Null(await Sockets().TryBindAsync<object>("127.0.0.1", 80, _ => Taken(ref tries), Fail, off.Token).Within("given up"));

        Assert.Equal(1, tries);
        Assert.Equal(["127.0.0.1:80 context canceled"], _failures);
    }

    [Theory]
    [InlineData("", 70000, SocketError.Success, "listen tcp: address 70000: invalid port")]
    [InlineData("", -1, SocketError.Success, "listen tcp: address -1: invalid port")]
    [InlineData("999.1.1.1", 80, SocketError.HostNotFound, "listen tcp: lookup 999.1.1.1: no such host")]
    [InlineData("", 80, SocketError.AddressAlreadyInUse, "listen tcp :80: bind: address already in use")]
    [InlineData("192.0.2.77", 80, SocketError.AddressNotAvailable, "listen tcp 192.0.2.77:80: bind: cannot assign requested address")]
    [InlineData("127.0.0.1", 80, SocketError.AccessDenied, "listen tcp 127.0.0.1:80: bind: permission denied")]
    public void Failure_InGosWords(string address, int port, SocketError error, string text) =>
        Assert.Equal(text, ListenError.Describe(address, port, new SocketException((int)error)));

    [Fact]
    public void SocketFile_FolderMissing() => Assert.Equal(
        "listen unix /nonexistent/a.socket: bind: no such file or directory",
        ListenError.DescribeUnix("/nonexistent/a.socket", new SocketException((int)SocketError.AddressNotAvailable)));

    [Fact]
    public async Task TwoAddressesOneBad_TheOtherIsBoundUnderItsOwnName()
    {
        var binding = Sockets().BindAllAsync(
            ["127.0.0.1", "127.0.0.2"], 80, static endPoint => endPoint.Address.Equals(IPAddress.Loopback) ? throw new SocketException((int)SocketError.AddressAlreadyInUse) : "bound", Fail, CancellationToken.None);
        while (!binding.IsCompleted)
        {
            await Task.WhenAny(binding, _time.WaitForTimersAsync(1));
            _time.Advance(TimeSpan.FromMilliseconds(500));
        }

        Assert.Equal([("127.0.0.2:80", "bound")], await binding);
        Assert.Single(_failures);
    }

    private static object Taken(ref int tries)
    {
        tries++;
        throw new SocketException((int)SocketError.AddressAlreadyInUse);
    }

    private ListenSockets Sockets() => new(_time);

    private void Fail(string endPoint, string reason) => _failures.Add($"{endPoint} {reason}");
}
