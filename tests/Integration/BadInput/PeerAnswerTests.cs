using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;
using static FastSidecar.Integration.Shared.Http2Frames;

namespace FastSidecar.Integration.BadInput;

/// <summary>Peers that are no sidecars, answer what no sidecar would, or end at every byte of an answer. The caller's sidecar takes any port for an app id.</summary>
public sealed class PeerAnswerTests(PeerAnswerTests.CallerOfPorts caller) : PairTests<PeerAnswerTests.CallerOfPorts>(caller)
{
    private static readonly (string, string)[] Head = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly byte[] First = Frame(Data, 0, 1, Message(PeerMessages.FirstResponse([0xc8, 0x01], "hello")));
    private static readonly byte[] Trailers = Headers(1, EndStream, [("grpc-status", "0")]);
    private static readonly byte[] HeadFrame = Headers(1, 0, Head);

    private static readonly byte[] Whole =
        [.. ServerStart, .. HeadFrame, .. First, .. Frame(Data, 0, 1, Message(PeerMessages.Payload(1, " world"))), .. Trailers];

    /// <summary>Name, and what the peer sends at once; then it says nothing more and keeps the connection.</summary>
    public static TheoryData<string> Cases { get; } = [.. Answers().Select(static answer => answer.Name)];

    private static IReadOnlyList<(string Name, byte[] Bytes)> All { get; } = [.. Answers()];

    /// <summary>A callee's sidecar at any port: the app id is the port. The other one is there for the ordinary calls.</summary>
    public sealed class CallerOfPorts : SidecarPair
    {
        internal SidecarProcess PortCaller { get; private set; } = null!;

        internal override IEnumerable<SidecarProcess> Processes => [.. base.Processes, PortCaller];

        public override async Task InitializeAsync()
        {
            await base.InitializeAsync();
            const string Configuration = """
                apiVersion: dapr.io/v1alpha1
                kind: Configuration
                metadata:
                  name: ports
                spec:
                  nameResolution:
                    component: nameformat
                    version: v1
                    configuration:
                      format: "127.0.0.1:{appid}"
                """;
            PortCaller = await SidecarProcess.StartAsync(new SidecarSettings { AppId = SidecarSettings.UniqueId("ports"), Configuration = Configuration });
        }

        public override async Task DisposeAsync()
        {
            await PortCaller.DisposeAsync();
            await base.DisposeAsync();
        }
    }

    [Fact]
    public async Task ProperAnswer_IsTheClients()
    {
        await using var peer = Sending(Whole);

        var told = await CallAsync(peer.Port);

        Assert.True(told is { Status: 200, Text: "hello world" }, $"{told}");
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Garbage_IsAnErrorOrABrokenAnswer_InTime(string name)
    {
        await using var peer = Sending(All.Single(answer => answer.Name == name).Bytes);
        var clock = new FairClock();

        var told = await CallAsync(peer.Port);

        Assert.True(told is null or { Status: 500 }, $"{name}: {told}");
        Assert.True(clock.Fair < TimeSpan.FromSeconds(12), $"{name}: answered after {clock}");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public Task Answer_PeerEndsAfterEveryByte_NeverLooksWhole(bool byReset) =>
        Parallel.ForAsync(0, Whole.Length, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (cut, _) =>
        {
            await using var peer = new ScriptedServer(async connection =>
            {
                // The request has come by then, so that the cut meets a call under way.
                await connection.ReceivedAsync(Preface.Length + 9);
                await connection.SendAsync(Whole.AsMemory(0, Math.Min(cut, ServerStart.Length)));
                if (cut > ServerStart.Length)
                {
                    await UntilRequestAsync(connection);
                    await connection.SendAsync(Whole.AsMemory(ServerStart.Length, cut - ServerStart.Length));
                }

                if (byReset)
                {
                    connection.Reset();
                    return;
                }

                connection.FinishSending();
                await connection.ToEndAsync();
            });

            var told = await CallAsync(peer.Port);

            Assert.True(told is null or { Status: 500 }, $"cut after {cut} of {Whole.Length}: {told}");
        });

    /// <summary>A body that can be sent again is: four attempts, a second apart, then Dapr's words.</summary>
    [Fact]
    public async Task PeerThatAlwaysEnds_IsTriedFourTimes()
    {
        var accepted = 0;
        await using var peer = new ScriptedServer(connection =>
        {
            Interlocked.Increment(ref accepted);
            connection.Reset();
            return Task.CompletedTask;
        });
        using var client = await RawConnection.ConnectAsync(Pair.PortCaller.HttpPort);
        await client.SendAsync($"POST /v1.0/invoke/{peer.Port}/method/m HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");

        var told = await client.AnswerAsync();

        Assert.True(told is { Status: 500 } && told.Text.Contains("after 3 retries", StringComparison.Ordinal), $"{told}");
        Assert.True(accepted >= 4, $"{accepted} connections");
    }

    [Fact]
    public async Task PeerThatDoesNotListen_IsAnError()
    {
        var told = await CallAsync(FreePorts.Next());

        Assert.True(told is { Status: 500 } && told.Text.Contains("ERR_DIRECT_INVOKE", StringComparison.Ordinal), $"{told}");
    }

    /// <summary>TCP is accepted and nothing is ever said: the limit on connecting covers that.</summary>
    [Fact]
    public async Task SilentPeer_IsGivenUpAfterTheConnectLimit()
    {
        await using var peer = Sending([]);
        var clock = new FairClock();

        var told = await CallAsync(peer.Port);

        Assert.True(told is { Status: 500 }, $"{told}");
        Assert.True(clock.Elapsed > TimeSpan.FromSeconds(4) && clock.Fair < TimeSpan.FromSeconds(9), $"{clock}");
    }

    /// <summary>Its end comes with its SETTINGS, or as soon as a request could leave: neither is dialled again and again.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    public async Task PeerThatEndsOnceItHasGreeted_IsTriedAFewTimes(int milliseconds)
    {
        const int MostConnections = 4;
        var accepted = 0;
        await using var peer = new ScriptedServer(async connection =>
        {
            Interlocked.Increment(ref accepted);
            await connection.ReceivedAsync(Preface.Length + 9);
            await connection.SendAsync(ServerStart);
            await Task.Delay(milliseconds);
            await connection.SendAsync(Frame(GoAway, 0, 0, [.. Number(0), .. Number(0)]));
            connection.FinishSending();
            await connection.ToEndAsync();
        });

        var told = await CallAsync(peer.Port);

        Assert.True(told is { Status: 500 }, $"{told}");
        Assert.InRange(accepted, 1, MostConnections);
    }

    [Fact]
    public async Task NoiseOfManySeeds_NeverLooksWholeAndWrong()
    {
        const int Seeds = 150;
        await Parallel.ForAsync(0, Seeds, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (seed, _) =>
        {
            var random = new Random(seed);
            var bytes = Whole.ToArray();
            for (var changes = random.Next(1, 8); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            await using var peer = new ScriptedServer(async connection =>
            {
                await connection.ReceivedAsync(Preface.Length + 9);
                await connection.SendAsync(bytes);
                connection.FinishSending();
                await connection.ToEndAsync();
            });
            try
            {
                await CallAsync(peer.Port);
            }
            catch (TimeoutException)
            {
                Assert.Fail($"seed {seed}: no answer to\n{Convert.ToHexString(bytes)}");
            }
        });
    }

    private static IEnumerable<(string Name, byte[] Bytes)> Answers() =>
    [
        // No sidecar at all.
        ("HTTP/1.1", "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"u8.ToArray()),
        ("another protocol", "SSH-2.0-OpenSSH_9.2\r\n"u8.ToArray()),
        ("TLS alert", [0x15, 3, 3, 0, 2, 2, 70]),
        ("zeros", new byte[100]),

        // Frames that end the connection (RFC 9113 §6).
        ("no SETTINGS first", Frame(Ping, 0, 0, new byte[8])),
        ("SETTINGS of 5 bytes", Frame(SettingsType, 0, 0, new byte[5])),
        ("ENABLE_PUSH of 1 from a server", Settings(2, 1)),
        ("window beyond 2^31-1", Settings(4, 0x8000_0000)),
        ("frame beyond the limit", [.. ServerStart, .. Frame(0xee, 0, 0, new byte[1 << 20])]),
        ("PUSH_PROMISE", [.. ServerStart, .. Frame(PushPromise, EndHeaders, 1, 0, 0, 0, 2)]),
        ("HEADERS of a stream nobody opened", [.. ServerStart, .. Headers(7, 0, Head)]),
        ("HEADERS of an even stream", [.. ServerStart, .. Headers(2, 0, Head)]),
        ("DATA before HEADERS", [.. ServerStart, .. First]),
        ("CONTINUATION out of nowhere", [.. ServerStart, .. Frame(Continuation, EndHeaders, 1)]),
        ("WINDOW_UPDATE of 0", [.. ServerStart, .. WindowUpdate(0, 0)]),
        ("bad index", [.. ServerStart, .. Frame(HeadersType, EndHeaders, 1, 0x80)]),
        ("GOAWAY", [.. ServerStart, .. Frame(GoAway, 0, 0, [.. Number(0), .. Number(0)])]),
        ("GOAWAY with an error", [.. ServerStart, .. Frame(GoAway, 0, 0, [.. Number(0), .. Number(11)])]),

        // Frames that end the stream.
        ("reset: refused", [.. ServerStart, .. Reset(1, 7)]),
        ("reset: cancelled", [.. ServerStart, .. HeadFrame, .. Reset(1, 8)]),
        ("reset: no error", [.. ServerStart, .. HeadFrame, .. First, .. Reset(1, 0)]),
        ("reset: unknown code", [.. ServerStart, .. Reset(1, 0xdead_beef)]),
        ("no status", [.. ServerStart, .. Headers(1, 0, [("content-type", "application/grpc")])]),
        ("status of letters", [.. ServerStart, .. Headers(1, 0, [(":status", "abc")])]),
        ("LF in a field", [.. ServerStart, .. Headers(1, 0, [.. Head, ("x-a", "b\r\nx-evil: 1")]), .. First, .. Trailers]),
        ("list beyond the limit", [.. ServerStart, .. Bomb()]),

        // HTTP that is no gRPC.
        ("404", [.. ServerStart, .. Headers(1, EndStream, [(":status", "404"), ("content-type", "text/plain")])]),
        ("503 with a body", [.. ServerStart, .. Headers(1, 0, [(":status", "503"), ("content-type", "text/plain")]), .. Frame(Data, EndStream, 1, "down"u8)]),
        ("another content type", [.. ServerStart, .. Headers(1, 0, [(":status", "200"), ("content-type", "text/html")]), .. Frame(Data, EndStream, 1, "<html>"u8)]),

        // gRPC that is no answer.
        ("end without trailers", [.. ServerStart, .. HeadFrame, .. First, .. Frame(Data, EndStream, 1)]),
        ("trailers without status", [.. ServerStart, .. HeadFrame, .. First, .. Headers(1, EndStream, [("x", "y")])]),
        ("status that is no number", [.. ServerStart, .. Headers(1, EndStream, [.. Head, ("grpc-status", "ok")])]),
        ("status OK and no message", [.. ServerStart, .. HeadFrame, .. Trailers]),
        ("only trailers, OK", [.. ServerStart, .. Headers(1, EndStream, [.. Head, ("grpc-status", "0")])]),
        ("only trailers, an error with LF in its text", [.. ServerStart, .. Headers(1, EndStream, [.. Head, ("grpc-status", "13"), ("grpc-message", "a%0d%0aX-Evil: 1")])]),
        ("message that is cut", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, 0, 0, 0, 0, 50, 1, 2), .. Trailers]),
        ("message of 4 GiB", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, 0, 0xff, 0xff, 0xff, 0xff, 1, 2)]),
        ("message that is compressed", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, 1, 0, 0, 0, 2, 1, 2), .. Trailers]),
        ("message with a strange flag", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, 7, 0, 0, 0, 2, 1, 2), .. Trailers]),
        ("message that is no protobuf", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, Message(0xff, 0xff, 0xff)), .. Trailers]),
        ("field longer than its message", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, Message(0x0a, 0x7f, 1)), .. Trailers]),
        ("first message without an answer", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, Message(PeerMessages.Payload(0, "x"))), .. Trailers]),
        ("pieces out of order", [.. ServerStart, .. HeadFrame, .. First, .. Frame(Data, 0, 1, Message(PeerMessages.Payload(9, "x"))), .. Trailers]),
        ("status 99 of an app", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, Message(PeerMessages.FirstResponse([99], "x"))), .. Trailers]),
        ("status 101 of an app", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, Message(PeerMessages.FirstResponse([101], "x"))), .. Trailers]),
        ("status beyond 32 bits of an app", [.. ServerStart, .. HeadFrame, .. Frame(Data, 0, 1, Message(PeerMessages.FirstResponse([0xff, 0xff, 0xff, 0xff, 0x7f], "x"))), .. Trailers]),
    ];

    /// <summary>4096 bytes in the table, named 12,000 times: a header list of 48 MB in 16 KB.</summary>
    private static byte[] Bomb() => Frame(
        HeadersType, EndHeaders, 1, [.. Block(Head), 0x40, 1, (byte)'a', 0x7f, 0xa1, 0x1e, .. Enumerable.Repeat((byte)'b', 4000), .. Enumerable.Repeat((byte)0xbe, 11_000)]);

    /// <summary>The caller's request, which leaves once our SETTINGS are there.</summary>
    private static async Task UntilRequestAsync(RawConnection connection)
    {
        while (!Read(connection.Received[Preface.Length..]).Any(static frame => frame.Type == HeadersType) && await connection.ReceiveAsync())
        {
        }
    }

    private static ScriptedServer Sending(byte[] bytes) => new(async connection =>
    {
        await connection.ReceivedAsync(Preface.Length + 9);
        var start = bytes.AsSpan().StartsWith(ServerStart) ? ServerStart.Length : 0;
        await connection.SendAsync(bytes.AsMemory(0, start));
        if (start > 0)
        {
            await UntilRequestAsync(connection);
        }

        await connection.SendAsync(bytes.AsMemory(start));

        await connection.ToEndAsync();
    });

    /// <summary>A body of unknown length is sent once only.</summary>
    private async Task<RawAnswer?> CallAsync(int port)
    {
        using var client = await RawConnection.ConnectAsync(Pair.PortCaller.HttpPort);
        await client.SendAsync($"POST /v1.0/invoke/{port}/method/m HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n");
        return await client.AnswerAsync();
    }
}
