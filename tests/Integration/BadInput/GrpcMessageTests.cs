using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.BadInput;

/// <summary>gRPC calls that are wrong above HTTP/2, through every door. The stream is refused; its connection serves the next call.</summary>
public sealed class GrpcMessageTests(GrpcDoorPair pair) : PairTests<GrpcDoorPair>(pair)
{
    private const int Ok = 0;
    private const int Unimplemented = 12;
    private const int Internal = 13;
    private const int ResourceExhausted = 8;

    /// <summary>Set in <see cref="GrpcOutcome.Code"/> or, for what is refused below gRPC, in the status of HTTP.</summary>
    private sealed record Case(string Name, Func<GrpcDoorPair, GrpcDoor, int, byte[]> Frames, int Code, string Message = "", string HttpStatus = "200", int? ProxiedCode = null);

    private static readonly Case[] All =
    [
        new("message over the limit", static (p, d, s) => [.. Head(p, d, s), .. End(s, 0, 0, 0x40, 0, 1, 1, 2, 3)], ResourceExhausted, "grpc: received message larger than max (4194305 vs. 4194304)"),
        new("message of 4 GiB", static (p, d, s) => [.. Head(p, d, s), .. End(s, 0, 0xff, 0xff, 0xff, 0xff, 1)], ResourceExhausted, "grpc: received message larger than max (4294967295 vs. 4194304)"),
        new("prefix longer than the data", static (p, d, s) => [.. Head(p, d, s), .. End(s, 0, 0, 0, 0, 9, 1, 2, 3)], Internal),
        new("half a prefix", static (p, d, s) => [.. Head(p, d, s), .. End(s, 0, 0, 0)], Internal),
        new("compressed flag without encoding", static (p, d, s) => [.. Head(p, d, s), .. End(s, 1, 0, 0, 0, 1, 7)], Internal, "grpc: compressed flag set with identity or empty encoding"),
        new("unknown encoding", static (p, d, s) => [.. Head(p, d, s, ("grpc-encoding", "br")), .. End(s, 1, 0, 0, 0, 1, 7)], Unimplemented, "grpc: Decompressor is not installed for grpc-encoding \"br\""),
        new("gzip that is none", static (p, d, s) => [.. Head(p, d, s, ("grpc-encoding", "gzip")), .. End(s, 1, 0, 0, 0, 3, 7, 8, 9)], Internal),
        new("garbage protobuf", static (p, d, s) => [.. Head(p, d, s), .. End(s, 0, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff)], Internal, ProxiedCode: Ok),
        new("content type of HTTP", static (p, d, s) => [.. Http2Frames.Headers(s, 0, Changed(p, d, "content-type", "text/plain")), .. End(s, p.MessageOf(d))], -1, HttpStatus: "415"),
        new("no content type", static (p, d, s) => [.. Http2Frames.Headers(s, 0, p.HeadOf(d).Where(static f => f.Name != "content-type")), .. End(s, p.MessageOf(d))], -1, HttpStatus: "415"),
        new("no te", static (p, d, s) => [.. Http2Frames.Headers(s, 0, p.HeadOf(d).Where(static f => f.Name != "te")), .. End(s, p.MessageOf(d))], Ok),
    ];

    public static TheoryData<GrpcDoor, string> Cases
    {
        get
        {
            var cases = new TheoryData<GrpcDoor, string>();
            foreach (var door in Enum.GetValues<GrpcDoor>())
            {
                foreach (var item in All)
                {
                    cases.Add(door, item.Name);
                }
            }

            return cases;
        }
    }

    public static TheoryData<GrpcDoor> Doors { get; } = [.. Enum.GetValues<GrpcDoor>()];

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task WrongCall_IsRefused_AndTheConnectionServesTheNext(GrpcDoor door, string name)
    {
        var item = All.Single(item => item.Name == name);
        using var connection = await GrpcConnection.OpenAsync(Pair.PortOf(door));
        await connection.SendAsync(item.Frames(Pair, door, 1));
        var outcome = await connection.EndAsync(1);

        var proxied = door is GrpcDoor.ProxiedFromClient or GrpcDoor.ProxiedFromPeer;
        Assert.True(outcome.Ended && outcome.HttpStatus == item.HttpStatus, outcome.ToString());
        if (item.HttpStatus == "200")
        {
            Assert.True((proxied ? item.ProxiedCode ?? item.Code : item.Code) == outcome.Code, outcome.ToString());
        }

        if (item.Message.Length > 0)
        {
            Assert.Equal(item.Message, outcome.Message);
        }

        await ServesAsync(connection, door, 3);
    }

    /// <summary>RST_STREAM at each place where a call can be.</summary>
    [Theory]
    [MemberData(nameof(Doors))]
    public async Task ResetInEveryState_TheConnectionServesOn(GrpcDoor door)
    {
        var message = Pair.MessageOf(door);
        using var connection = await GrpcConnection.OpenAsync(Pair.PortOf(door));
        var stream = 1;
        for (var round = 0; round < 5; round++)
        {
            foreach (var sent in (int[])[0, 3, 5, message.Length - 1, message.Length])
            {
                await connection.SendAsync(Head(Pair, door, stream), Http2Frames.Frame(Http2Frames.Data, 0, stream, message[..sent]), Http2Frames.Reset(stream, 8));
                stream += 2;
            }

            await connection.SendAsync(Pair.CallOf(door, stream), Http2Frames.Reset(stream, 8));
            stream += 2;
        }

        await ServesAsync(connection, door, stream);
    }

    [Theory]
    [InlineData(GrpcDoor.ProxiedFromClient)]
    [InlineData(GrpcDoor.ProxiedFromPeer)]
    public async Task ResetWhileTheAppWorks_EndsTheAppsCallToo(GrpcDoor door)
    {
        const int Calls = 20;
        using var connection = await GrpcConnection.OpenAsync(Pair.PortOf(door));
        for (var i = 0; i < Calls; i++)
        {
            await connection.SendAsync(Http2Frames.Headers((i * 2) + 1, 0, Pair.HeadOf(door, "Hang")), End((i * 2) + 1, Pair.MessageOf(door)));
        }

        await Eventually.TrueAsync(() => Pair.GrpcApp.Hanging == Calls, () => $"{Pair.GrpcApp.Hanging} of {Calls} calls have reached the app");
        for (var i = 0; i < Calls; i++)
        {
            await connection.SendAsync(Http2Frames.Reset((i * 2) + 1, 8));
        }

        await Eventually.TrueAsync(() => Pair.GrpcApp.Hanging == 0, () => $"the app still works on {Pair.GrpcApp.Hanging} calls that nobody waits for");
        await ServesAsync(connection, door, (Calls * 2) + 1);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task MetadataOverTheLimit_IsRefused_AndTheNextConnectionServes(GrpcDoor door)
    {
        const int FieldBytes = 16_000;
        const int Fields = 320;
        using (var connection = await GrpcConnection.OpenAsync(Pair.PortOf(door)))
        {
            await connection.SendAsync(Http2Frames.Frame(Http2Frames.HeadersType, 0, 1, Http2Frames.Block(Pair.HeadOf(door))));
            for (var i = 0; i < Fields; i++)
            {
                var last = i == Fields - 1;
                await connection.SendAsync(Http2Frames.Frame(
                    Http2Frames.Continuation, last ? Http2Frames.EndHeaders : (byte)0, 1, Http2Frames.Block(($"x-{i}", new string('x', FieldBytes)))));
            }

            await connection.SendAsync(End(1, Pair.MessageOf(door)));
            var outcome = await connection.EndAsync(1);
            Assert.True(connection.Ended || outcome.Reset is not null || outcome.Code > 0, outcome.ToString());
        }

        using var next = await GrpcConnection.OpenAsync(Pair.PortOf(door));
        await ServesAsync(next, door, 1);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task WrongCallsAgainAndAgain_NothingGrows(GrpcDoor door)
    {
        const int Rounds = 30;
        const long Room = 12 * 1024 * 1024;
        using var connection = await GrpcConnection.OpenAsync(Pair.PortOf(door));
        var stream = await RunAllAsync(connection, door, 1, Rounds);
        var before = Pair.Processes.Select(static process => process.ResidentBytes()).ToList();
        stream = await RunAllAsync(connection, door, stream, Rounds);

        await ServesAsync(connection, door, stream);
        Assert.All(Pair.Processes.Zip(before), pair => Assert.InRange(pair.First.ResidentBytes(), 0, pair.Second + Room));
    }

    private async Task<int> RunAllAsync(GrpcConnection connection, GrpcDoor door, int stream, int rounds)
    {
        for (var i = 0; i < rounds; i++)
        {
            foreach (var item in All)
            {
                await connection.SendAsync(item.Frames(Pair, door, stream));
                Assert.True((await connection.EndAsync(stream)).Ended, item.Name);
                stream += 2;
            }
        }

        return stream;
    }

    private async Task ServesAsync(GrpcConnection connection, GrpcDoor door, int stream)
    {
        await connection.SendAsync(Pair.CallOf(door, stream));
        var next = await connection.EndAsync(stream);
        Assert.True(next.Code == Ok, $"the next call: {next}");
    }

    private static byte[] Head(GrpcDoorPair pair, GrpcDoor door, int stream, params IEnumerable<(string Name, string Value)> more) =>
        Http2Frames.Headers(stream, 0, [.. pair.HeadOf(door), .. more]);

    private static byte[] End(int stream, params byte[] data) => Http2Frames.Frame(Http2Frames.Data, Http2Frames.EndStream, stream, data);

    private static IEnumerable<(string Name, string Value)> Changed(GrpcDoorPair pair, GrpcDoor door, string name, string value) =>
        pair.HeadOf(door).Select(field => field.Name == name ? (name, value) : field);
}
