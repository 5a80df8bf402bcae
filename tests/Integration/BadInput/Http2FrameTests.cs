using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>Malformed HTTP/2 of every frame type, on every port that speaks it.</summary>
public sealed class Http2FrameTests(SidecarPair pair) : PairTests<SidecarPair>(pair)
{
    public enum Port
    {
        HttpApi,
        GrpcApi,
        Internal,
    }

    public static TheoryData<Port, string> Cases
    {
        get
        {
            var cases = new TheoryData<Port, string>();
            foreach (var port in Enum.GetValues<Port>())
            {
                foreach (var item in Http2FrameCases.All)
                {
                    cases.Add(port, item.Name);
                }
            }

            return cases;
        }
    }

    public static TheoryData<Port> Ports { get; } = [.. Enum.GetValues<Port>()];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Malformed_HasTheErrorOfTheStandard(Port port, string name)
    {
        var item = Http2FrameCases.All.Single(item => item.Name == name);
        using var connection = await RawConnection.ConnectAsync(NumberOf(port));
        await connection.SendAsync(Http2Frames.ClientStart);
        await connection.SendAsync(item.Bytes);

        if (item.Blast == Blast.Connection)
        {
            connection.FinishSending();
            await connection.ToEndAsync();
            Assert.True(item.Code == Http2Client.GoAwayCode(connection) || MayBeLost(connection, item), Told(connection));
            return;
        }

        Assert.True(await Http2Client.IsAliveAsync(connection), Told(connection));
        if (item.Blast == Blast.Stream)
        {
            Assert.True(item.Code == Http2Client.ResetCode(connection, 1), Told(connection));
        }
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public async Task NoSettingsFirst_IsRefused(Port port)
    {
        using var connection = await RawConnection.ConnectAsync(NumberOf(port));
        await connection.SendAsync((byte[])[.. Http2Frames.Preface, .. Http2Frames.Frame(Http2Frames.Ping, 0, 0, new byte[8])]);

        await connection.ToEndAsync();

        Assert.Equal(1u, Http2Client.GoAwayCode(connection));
    }

    /// <summary>The gRPC ports speak nothing else; the HTTP API takes it for HTTP/1.1 and refuses it as such.</summary>
    [Theory]
    [InlineData(Port.GrpcApi, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData(Port.Internal, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")]
    [InlineData(Port.Internal, "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n")]
    [InlineData(Port.HttpApi, "PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n")]
    [InlineData(Port.Internal, "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task WrongProtocol_TheConnectionEnds(Port port, string bytes)
    {
        using var connection = await RawConnection.ConnectAsync(NumberOf(port));
        await connection.SendAsync(bytes);

        await connection.ToEndAsync();
    }

    /// <summary>
    /// HPACK bomb: one entry of the table, named again and again, makes kilobytes of header list out of every byte. The list has a limit, and nothing of it is kept.
    /// </summary>
    [Theory]
    [MemberData(nameof(Ports))]
    public async Task HpackBomb_IsRefused_AndItsMemoryIsNotTaken(Port port)
    {
        // The list's limit is 4 MiB; growing to it leaves twice as much behind for each of the ten, until the collector comes by.
        const long MostGrowth = 96 << 20;
        const int References = 16_000;
        byte[] entry = [0x40, 1, (byte)'a', 0x7f, 0xa1, 0x1e, .. Enumerable.Repeat((byte)'b', 4000)];
        byte[] bomb = [.. Http2Frames.Block(Http2FrameCases.Request()), .. entry, .. Enumerable.Repeat((byte)0xbe, References - 4200)];
        var process = port == Port.Internal ? Pair.Callee : Pair.Caller;
        var before = process.ResidentBytes();

        for (var i = 0; i < 10; i++)
        {
            using var connection = await RawConnection.ConnectAsync(NumberOf(port));
            await connection.SendAsync((byte[])[.. Http2Frames.ClientStart, .. Http2Frames.Frame(Http2Frames.HeadersType, Http2Frames.EndHeaders | Http2Frames.EndStream, 1, bomb)]);
            while (!Http2Client.IsEnded(connection, 1) && Http2Client.GoAwayCode(connection) is null)
            {
                Assert.True(await connection.ReceiveAsync(), "the connection ended without a word");
            }
        }

        Assert.InRange(process.ResidentBytes() - before, long.MinValue, MostGrowth);
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public async Task NoiseOfManySeeds_EndsOrIsPassedOver(Port port)
    {
        const int Seeds = 200;
        var clock = new FairClock();
        await Parallel.ForAsync(0, Seeds, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (seed, _) =>
        {
            var random = new Random(seed);
            var bytes = PeerMessages.Call("count", "0123456789");
            for (var changes = random.Next(1, 8); changes > 0; changes--)
            {
                bytes[random.Next(Http2Frames.Preface.Length, bytes.Length)] = (byte)random.Next(256);
            }

            using var connection = await RawConnection.ConnectAsync(NumberOf(port));
            await connection.SendAsync(bytes);
            connection.FinishSending();
            await connection.ToEndAsync();
        });

        Assert.True(clock.Fair < TimeSpan.FromSeconds(20), $"{clock}");
    }

    /// <summary>What still arrives when a connection has ended makes the kernel answer with RST, which takes the GOAWAY along: only floods are long enough for that.</summary>
    private static bool MayBeLost(RawConnection connection, FrameCase item) => connection.End == PeerEnd.Reset && item.Bytes.Length > 64 << 10;

    private static string Told(RawConnection connection) =>
        $"{connection.End}, GOAWAY {Http2Client.GoAwayCode(connection)}, RST_STREAM {Http2Client.ResetCode(connection, 1)}, frames "
        + string.Join(", ", Http2Frames.Read(connection.Received).Select(static frame => $"{frame.Type}:{frame.Flags:x}:{frame.Stream}"));

    private int NumberOf(Port port) => port switch
    {
        Port.HttpApi => Pair.Caller.HttpPort,
        Port.GrpcApi => Pair.Caller.GrpcPort,
        _ => Pair.Callee.InternalPort,
    };
}
