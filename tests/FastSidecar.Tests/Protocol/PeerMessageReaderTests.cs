using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Shared;
using FastSidecar.Tests.Wire;
using FastSidecar.Transport.Grpc;
using Google.Protobuf;
using Xunit;

namespace FastSidecar.Tests.Protocol;

public sealed class PeerMessageReaderTests
{
    private const string Leading = "parsing InternalInvokeRequest error: request does not contain the required fields in the leading chunk";

    [Fact]
    public async Task OneBytePerRead_HeadAndBodyArrive()
    {
        foreach (var isAsync in new[] { false, true })
        {
            var bytes = PeerWire.Join(Request("hello"), Later(" world", 1), PeerWire.Frame(new InternalInvokeRequestStream()), Later("!", 2));
            var reader = PeerWire.Reader(ScriptedInput.InSteps(bytes, 1, isAsync));
            var head = await reader.ReadHead<PeerRequestHead>();

            Assert.Equal("m", Encoding.UTF8.GetString(head.Method));
            Assert.Equal("hello world!", await BodyOf(reader));
        }
    }

    [Fact]
    public async Task EveryTruncation_IsUnexpectedEofAfterTheBytesThatCame()
    {
        var whole = PeerWire.Join(Request("hello"), Later(" world", 1));
        var first = Request("hello").Length;
        for (var length = 1; length < whole.Length; length++)
        {
            var reader = PeerWire.Reader(ScriptedInput.InSteps(whole[..length], 7));
            PeerMessageException error;
            if (length < first - "\u0012\u0007\u000a\u0005hello".Length + 2)
            {
                error = await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerRequestHead>);
                Assert.True(error.IsStatus);
            }
            else
            {
                await reader.ReadHead<PeerRequestHead>();
                var (body, bodyError) = await reader.ReadBody();
                Assert.StartsWith(Encoding.ASCII.GetString(body), "hello world", StringComparison.Ordinal);
                if (length == first)
                {
                    Assert.Null(bodyError);
                    continue;
                }

                error = Assert.IsType<PeerMessageException>(bodyError);
                Assert.Equal("error receiving message: rpc error: code = Internal desc = unexpected EOF", error.Message);
            }

            Assert.Equal(GrpcStatusCode.Internal, error.Code);
            Assert.Equal("unexpected EOF", error.Text);
        }
    }

    [Fact]
    public async Task PartOfAPayload_IsHandedOutBeforeItsMessageIsComplete()
    {
        var pipe = new Pipe();
        var reader = PeerWire.Reader(pipe.Reader);
        var bytes = Request(new string('x', 1000));
        await pipe.Writer.WriteAsync(bytes.AsMemory(0, bytes.Length - 990));
        await reader.ReadHead<PeerRequestHead>();
        var result = await reader.ReadAsync().AsTask().Within("the first bytes");

        Assert.Equal(10, result.Buffer.Length);
        Assert.False(result.IsCompleted);
        reader.AdvanceTo(result.Buffer.End);
        var next = reader.ReadAsync().AsTask();
        Assert.False(next.IsCompleted);
        await pipe.Writer.WriteAsync(bytes.AsMemory(bytes.Length - 990));
        await pipe.Writer.CompleteAsync();
        result = await next.Within("the rest");
        Assert.Equal(990, result.Buffer.Length);
        reader.AdvanceTo(result.Buffer.End);
        Assert.True((await reader.ReadAsync().AsTask().Within("the end")).IsCompleted);
    }

    [Fact]
    public async Task BodyBytes_AreNotCopied()
    {
        var bytes = PeerWire.Join(Request("hello"), Later("world", 1));
        var reader = PeerWire.Reader(ScriptedInput.Whole(bytes));
        await reader.ReadHead<PeerRequestHead>();
        var result = await reader.ReadAsync();

        Assert.Equal("helloworld", Encoding.ASCII.GetString(result.Buffer.ToArray()));
        foreach (var piece in result.Buffer)
        {
            Assert.True(bytes.AsSpan().Overlaps(piece.Span));
        }
    }

    [Fact]
    public async Task HeadWithoutPayload_ReadsWithoutWaitingForMore()
    {
        var pipe = new Pipe();
        await pipe.Writer.WriteAsync(PeerWire.Frame(RequestMessage()));
        var reader = PeerWire.Reader(pipe.Reader);
        await reader.ReadHead<PeerRequestHead>();
        var read = reader.ReadAsync().AsTask();
        Assert.False(read.IsCompleted);
        await pipe.Writer.WriteAsync(Later("x", 0));
        Assert.Equal(1, (await read.Within("the payload")).Buffer.Length);
    }

    [Theory]
    [InlineData("", "rpc error: code = Unknown desc = EOF")]
    [InlineData("0000000000", "rpc error: code = InvalidArgument desc = " + Leading)]
    [InlineData("000000000712050a03616263", "rpc error: code = InvalidArgument desc = " + Leading)]
    [InlineData("00000000050a031a010a", "rpc error: code = Internal desc = grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data")]
    [InlineData("00000000030affff", "rpc error: code = Internal desc = grpc: failed to unmarshal the received message: proto: cannot parse invalid wire-format data")]
    [InlineData("00000000070a051a030a01ff", "rpc error: code = Internal desc = grpc: failed to unmarshal the received message: string field contains invalid UTF-8")]
    [InlineData("0200000002", "rpc error: code = Internal desc = grpc: received unexpected payload format 2")]
    [InlineData("0100000002ffff", "rpc error: code = Internal desc = grpc: compressed flag set with identity or empty encoding")]
    [InlineData("007fffffff0a", "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (2147483647 vs. 4194304)")]
    [InlineData("00ffffffff0a", "rpc error: code = ResourceExhausted desc = grpc: received message larger than max (4294967295 vs. 4194304)")]
    [InlineData("0000", "rpc error: code = Internal desc = unexpected EOF")]
    [InlineData("00000000320a30", "rpc error: code = Internal desc = unexpected EOF")]
    public async Task BadFirstRequest_DaprsError(string hex, string message)
    {
        foreach (var step in new[] { 1, 1000 })
        {
            var reader = PeerWire.Reader(ScriptedInput.InSteps(PeerWire.Hex(hex), step));
            var error = await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerRequestHead>);
            Assert.Equal(message, error.Message);
        }
    }

    [Theory]
    [InlineData("", "EOF")]
    [InlineData("0000000000", "response does not contain the required fields in the leading chunk")]
    [InlineData("00000000020a00", "response does not contain the required fields in the leading chunk")]
    [InlineData("000000000612040a026f6b", "response does not contain the required fields in the leading chunk")]
    public async Task BadFirstResponse_DaprsPlainError(string hex, string message)
    {
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Hex(hex)));
        var error = await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerResponseHead>);
        Assert.Equal(message, error.Message);
        Assert.False(error.IsStatus);
    }

    [Fact]
    public async Task RequestWithoutMetadata_Refused_ButNotWhenUnary()
    {
        var message = RequestMessage();
        message.Request.Metadata.Clear();
        var error = await Assert.ThrowsAsync<PeerMessageException>(
            PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(message))).ReadHead<PeerRequestHead>);
        Assert.Equal(Leading, error.Text);

        await PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(message.Request)), unary: true).ReadHead<PeerRequestHead>();
        message.Request.Message = null;
        error = await Assert.ThrowsAsync<PeerMessageException>(
            PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(message.Request)), unary: true).ReadHead<PeerRequestHead>);
        Assert.Equal("parsing InternalInvokeRequest error: field Message is nil", error.Text);
    }

    [Fact]
    public async Task ListsWithoutValues_Tolerated()
    {
        var message = RequestMessage();
        message.Request.Metadata.Clear();
        message.Request.Metadata["traceparent"] = new ListStringValue();
        var head = await PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(message))).ReadHead<PeerRequestHead>();
        Assert.Equal(0, head.Metadata.Count);
    }

    [Fact]
    public async Task RepeatedKey_TheLastEntryCounts()
    {
        var bytes = RequestMessage().ToByteArray();
        var twice = PeerWire.Hex("0a1c 120c0a03582d4412050a036f6e65 120c0a03582d4412050a0374776f");
        var head = await PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(PeerWire.Join(bytes, twice)))).ReadHead<PeerRequestHead>();
        var index = head.Metadata.IndexOf("X-D"u8);
        Assert.Equal("two", Encoding.ASCII.GetString(head.Metadata.Value(index)));
        Assert.Equal(-1, head.Metadata.IndexOf("X-D"u8, index + 1));
    }

    [Theory]
    [InlineData(0, 1, "hello", "invalid sequence number received: 1 (expected: 0)")]
    [InlineData(0, 0, "helloworld", "invalid sequence number received: 0 (expected: 1)")]
    [InlineData(0, 5, "helloworld", "invalid sequence number received: 5 (expected: 1)")]
    public async Task WrongSequence_FailsAfterTheBytes(ulong first, ulong second, string body, string message)
    {
        foreach (var step in new[] { 1, 1000 })
        {
            var start = RequestMessage();
            start.Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("hello"), Seq = second == 1 ? 1 : first };
            var reader = PeerWire.Reader(ScriptedInput.InSteps(PeerWire.Join(PeerWire.Frame(start), Later("world", second)), step));
            await reader.ReadHead<PeerRequestHead>();
            var (bytes, error) = await reader.ReadBody();

            Assert.Equal(body, Encoding.ASCII.GetString(bytes));
            Assert.Equal(message, error?.Message);

            // The error stays.
            (bytes, error) = await reader.ReadBody();
            Assert.Empty(bytes);
            Assert.Equal(message, error?.Message);
        }
    }

    [Fact]
    public async Task PresentButEmptyPayload_CountsInTheSequence()
    {
        var first = RequestMessage();
        first.Payload = new StreamPayload();
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(PeerWire.Frame(first), Later("b", 1))));
        await reader.ReadHead<PeerRequestHead>();
        Assert.Equal("b", await BodyOf(reader));

        reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(PeerWire.Frame(first), Later("b", 0))));
        await reader.ReadHead<PeerRequestHead>();
        Assert.Equal("invalid sequence number received: 0 (expected: 1)", (await reader.ReadBody()).Error?.Message);
    }

    [Fact]
    public async Task SequenceBeforeData_Accepted()
    {
        var reader = PeerWire.Reader(ScriptedInput.InSteps(
            PeerWire.Join(Request("a"), PeerWire.Frame(PeerWire.Hex("1205 1001 0a0162"))), 1));
        await reader.ReadHead<PeerRequestHead>();
        Assert.Equal("ab", await BodyOf(reader));
    }

    [Theory]
    [InlineData("0a03120108", true)]
    [InlineData("0a021a00", true)]
    [InlineData("0a00", false)]
    [InlineData("0a020801", false)]
    public async Task LaterMessageWithRequest_RefusedWhenItSaysSomething(string request, bool isRefused)
    {
        var later = PeerWire.Frame(PeerWire.Hex(request + "12050a01621001"));
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(Request("a"), later)));
        await reader.ReadHead<PeerRequestHead>();
        var (bytes, error) = await reader.ReadBody();

        Assert.Equal(isRefused ? "a" : "ab", Encoding.ASCII.GetString(bytes));
        Assert.Equal(isRefused ? "request metadata found in non-leading chunk" : null, error?.Message);
    }

    [Theory]
    [InlineData("0a020a00", true)]
    [InlineData("0a021200", true)]
    [InlineData("0a022200", true)]
    [InlineData("0a021a00", false)]
    [InlineData("0a00", false)]
    public async Task LaterMessageWithResponse_RefusedWhenItSaysSomething(string response, bool isRefused)
    {
        var later = PeerWire.Frame(PeerWire.Hex(response + "12050a01621001"));
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(PeerWire.Frame(PeerWire.Hex("0a020a00 12030a0161")), later)));
        await reader.ReadHead<PeerResponseHead>();
        var (bytes, error) = await reader.ReadBody();

        Assert.Equal(isRefused ? "a" : "ab", Encoding.ASCII.GetString(bytes));
        Assert.Equal(isRefused ? "response metadata found in non-leading chunk" : null, error?.Message);
    }

    [Fact]
    public async Task HeadBehindItsPayload_Found()
    {
        var payload = new InternalInvokeRequestStream { Payload = new StreamPayload { Data = ByteString.CopyFromUtf8(new string('x', 100_000)) } };
        var bytes = PeerWire.Frame(PeerWire.Join(payload.ToByteArray(), RequestMessage().ToByteArray()));
        var reader = PeerWire.Reader(ScriptedInput.InSteps(PeerWire.Join(bytes, Later("y", 1)), 5000));
        var head = await reader.ReadHead<PeerRequestHead>();

        Assert.Equal("m", Encoding.ASCII.GetString(head.Method));
        Assert.Equal(new string('x', 100_000) + "y", await BodyOf(reader));
    }

    [Fact]
    public async Task HeadLargerThanAWindow_Arrives()
    {
        var message = RequestMessage();
        message.Request.Metadata["X-Large"] = new ListStringValue { Values = { new string('v', 300_000) } };
        message.Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("body") };
        var reader = PeerWire.Reader(ScriptedInput.InSteps(PeerWire.Frame(message), 16_384));
        var head = await reader.ReadHead<PeerRequestHead>();

        Assert.Equal(300_000, head.Metadata.Value(head.Metadata.IndexOf("X-Large"u8)).Length);
        Assert.Equal("body", await BodyOf(reader));
    }

    [Fact]
    public async Task BodyInDataValue_DroppedOnTheStream_WithItsTypeUrl()
    {
        var message = RequestMessage();
        message.Request.Message.Data = new Google.Protobuf.WellKnownTypes.Any { TypeUrl = "t", Value = ByteString.CopyFromUtf8("hello") };
        message.Payload = new StreamPayload { Data = ByteString.CopyFromUtf8("pay") };
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(message)));
        var head = await reader.ReadHead<PeerRequestHead>();

        Assert.True(head.HasDataValue);
        Assert.True(head.TypeUrl.IsEmpty);
        Assert.Equal("pay", await BodyOf(reader));
    }

    [Fact]
    public async Task GzipMessages_AnyPlace_Decompressed()
    {
        var bytes = PeerWire.Join(
            PeerWire.Frame(RequestMessage("one "), gzip: true), Later("two ", 1), PeerWire.Frame(LaterMessage("three ", 2), gzip: true), Later("four", 3));
        foreach (var step in new[] { 1, 11, 1000 })
        {
            var reader = PeerWire.Reader(ScriptedInput.InSteps(bytes, step, isAsync: step == 11), "gzip");
            await reader.ReadHead<PeerRequestHead>();
            Assert.Equal("one two three four", await BodyOf(reader));
        }
    }

    [Fact]
    public async Task GzipBomb_StopsAtTheLimit()
    {
        var bytes = PeerWire.Frame(LaterMessage(new string('x', 3_000_000), 1), gzip: true);
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(Request("a"), bytes)), "gzip", limit: 1_000_000);
        await reader.ReadHead<PeerRequestHead>();
        var (body, error) = await reader.ReadBody();

        Assert.Equal("a", Encoding.ASCII.GetString(body));
        Assert.Equal(
            "error receiving message: rpc error: code = ResourceExhausted desc = grpc: received message after decompression larger than max 1000000",
            error?.Message);
    }

    [Fact]
    public async Task GzipDamaged_Refused()
    {
        var good = PeerWire.Frame(RequestMessage("hello hello hello hello"), gzip: true);
        for (var length = 5; length < good.Length; length++)
        {
            var cut = PeerWire.Frame(good[5..length], flag: 1);
            var error = await Assert.ThrowsAsync<PeerMessageException>(
                PeerWire.Reader(ScriptedInput.Whole(cut), "gzip").ReadHead<PeerRequestHead>);
            Assert.Equal(GrpcStatusCode.Internal, error.Code);
        }
    }

    [Fact]
    public async Task UnknownEncoding_RefusedAtOnceByACallee_ByACallerWhenUsed()
    {
        var reader = PeerWire.Reader(ScriptedInput.Whole(Request("a")), "deflate");
        var error = await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerRequestHead>);
        Assert.Equal("rpc error: code = Unimplemented desc = grpc: Decompressor is not installed for grpc-encoding \"deflate\"", error.Message);

        await PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(PeerWire.Hex("0a020a00"))), "deflate").ReadHead<PeerResponseHead>();
        reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(PeerWire.Hex("0a020a00"), flag: 1)), "deflate");
        error = await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerResponseHead>);
        Assert.Equal("rpc error: code = Internal desc = grpc: Decompressor is not installed for grpc-encoding \"deflate\"", error.Message);
    }

    [Fact]
    public async Task LaterMessageAboveTheLimit_FailsTheBody()
    {
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(Request("a"), Later(new string('x', 2000), 1))), limit: 1000);
        await reader.ReadHead<PeerRequestHead>();
        var (body, error) = await reader.ReadBody();

        Assert.Equal("a", Encoding.ASCII.GetString(body));
        Assert.Equal(
            "error receiving message: rpc error: code = ResourceExhausted desc = grpc: received message larger than max (2008 vs. 1000)", error?.Message);
    }

    [Fact]
    public async Task EndThatIsNoGoodEnd_FailsTheBodyAfterItsBytes()
    {
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(PeerWire.Hex("0a020a00 12030a0161"))), end: new BadEnd());
        await reader.ReadHead<PeerResponseHead>();
        var (body, error) = await reader.ReadBody();
        Assert.Equal("a", Encoding.ASCII.GetString(body));
        Assert.Equal("in body: True", error?.Message);

        reader = PeerWire.Reader(ScriptedInput.Whole([]), end: new BadEnd());
        Assert.Equal("in body: False", (await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerResponseHead>)).Message);

        reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Frame(PeerWire.Hex("0a00"))), unary: true, end: new BadEnd());
        Assert.Equal("in body: False", (await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerResponseHead>)).Message);
    }

    [Fact]
    public async Task UnaryWithASecondMessage_ACalleeIgnoresIt_ACallerRefuses()
    {
        var request = PeerWire.Frame(RequestMessage().Request);
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(request, request)), unary: true);
        await reader.ReadHead<PeerRequestHead>();
        Assert.Equal("", await BodyOf(reader));

        var response = PeerWire.Frame(PeerWire.Hex("0a00"));
        reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(response, response)), unary: true);
        Assert.Equal(GrpcStatusCode.Internal, (await Assert.ThrowsAsync<PeerMessageException>(reader.ReadHead<PeerResponseHead>)).Code);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    public async Task ConsumerLeavesBytesBeforeAnError_TheErrorIsThrownInsteadOfTheSameBytes(int consumed)
    {
        foreach (var tail in new[] { Later("x", 9), PeerWire.Hex("0200000000"), PeerWire.Hex("0000000009120a") })
        {
            var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(Request("hello"), Later("world", 1), tail)));
            await reader.ReadHead<PeerRequestHead>();
            var result = await reader.ReadAsync().AsTask().Within("the body");
            Assert.StartsWith("helloworld", Encoding.ASCII.GetString(result.Buffer.ToArray()), StringComparison.Ordinal);
            reader.AdvanceTo(result.Buffer.GetPosition(consumed), result.Buffer.End);
            await Assert.ThrowsAsync<PeerMessageException>(async () => await reader.ReadAsync().AsTask().Within("the error"));
        }
    }

    [Fact]
    public async Task ConsumerLeavesBytesBeforeACompressedMessage_BothAreShownTogether()
    {
        var bytes = PeerWire.Join(Request("hello "), PeerWire.Frame(LaterMessage("packed ", 1), gzip: true), Later("plain", 2));
        var reader = PeerWire.Reader(ScriptedInput.Whole(bytes), "gzip");
        await reader.ReadHead<PeerRequestHead>();
        var result = await reader.ReadAsync();
        reader.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        result = await reader.ReadAsync();
        Assert.Equal("hello packed ", Encoding.ASCII.GetString(result.Buffer.ToArray()));
        reader.AdvanceTo(result.Buffer.GetPosition(6), result.Buffer.End);
        result = await reader.ReadAsync();
        Assert.Equal("packed plain", Encoding.ASCII.GetString(result.Buffer.ToArray()));
        Assert.True(result.IsCompleted);
    }

    [Fact]
    public async Task CancelPendingRead_ReturnsACanceledResult_AndTheBodyGoesOn()
    {
        var input = ScriptedInput.Whole(PeerWire.Join(Request("a"), Later("b", 1)));
        var reader = PeerWire.Reader(input);
        await reader.ReadHead<PeerRequestHead>();
        reader.CancelPendingRead();
        var result = await reader.ReadAsync();
        Assert.True(result.IsCanceled);
        reader.AdvanceTo(result.Buffer.Start);
        Assert.Equal("ab", await BodyOf(reader));
    }

    [Fact]
    public async Task HeadAndBodyInOneRead_InputIsReadOnce()
    {
        var input = ScriptedInput.Whole(Request("body"));
        var reader = PeerWire.Reader(input);
        await reader.ReadHead<PeerRequestHead>();
        Assert.Equal("body", await BodyOf(reader));
        Assert.Equal(1, input.Reads);
    }

    [Fact]
    public async Task BodyUnreadBehindHead_CompleteEndsInput()
    {
        var input = ScriptedInput.Whole(Request("body"));
        var reader = PeerWire.Reader(input);
        await reader.ReadHead<PeerRequestHead>();
        reader.Complete();
        Assert.True(input.IsComplete);
    }

    [Fact]
    public async Task Release_InputStaysAsItIs_AndTheObjectServesTheNextCall()
    {
        var input = ScriptedInput.Whole(Request("body"));
        var reader = PeerWire.Reader(input);
        await reader.ReadHead<PeerRequestHead>();
        reader.Release();
        Assert.False(input.IsComplete);
        var next = ScriptedInput.Whole(Request("next"));
        reader.Start(new PeerInput(next, default, PeerWire.Limit, IsUnary: false, End: null));
        await reader.ReadHead<PeerRequestHead>();
        Assert.Equal("next", await BodyOf(reader));
    }

    [Fact]
    public async Task Garbage_OnlyTheDeclaredException()
    {
        var random = new Random(4711);
        var good = PeerWire.Join(Request("hello"), Later("world", 1), Later("!", 2));
        for (var round = 0; round < 4000; round++)
        {
            byte[] bytes;
            if (round % 2 == 0)
            {
                bytes = new byte[random.Next(1, 200)];
                random.NextBytes(bytes);
                bytes.AsSpan(0, Math.Min(4, bytes.Length)).Clear();
            }
            else
            {
                bytes = (byte[])good.Clone();
                for (var flips = random.Next(1, 4); flips > 0; flips--)
                {
                    bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                }
            }

            await Swallow<PeerRequestHead>(bytes, random, unary: false);
            await Swallow<PeerResponseHead>(bytes, random, unary: false);
            await Swallow<PeerRequestHead>(bytes, random, unary: true);
            await Swallow<PeerResponseHead>(bytes, random, unary: true);
        }
    }

    [Fact]
    public async Task Reused_NothingOfTheCallBeforeIsLeft()
    {
        var reader = PeerWire.Reader(ScriptedInput.Whole(PeerWire.Join(Request("hello"), PeerWire.Hex("0200000000"))));
        var head = new PeerRequestHead();
        await reader.ReadHeadAsync(head, CancellationToken.None);
        Assert.NotNull((await reader.ReadBody()).Error);
        reader.Complete();

        var message = new InternalInvokeRequestStream { Request = new InternalInvokeRequest { Message = new InvokeRequest() } };
        message.Request.Metadata["a"] = new ListStringValue { Values = { "b" } };
        reader.Start(new PeerInput(ScriptedInput.Whole(PeerWire.Frame(message)), default, PeerWire.Limit, IsUnary: false, End: null));
        await reader.ReadHeadAsync(head, CancellationToken.None);

        Assert.Equal(1, head.Metadata.Count);
        Assert.True(head.Method.IsEmpty && head.Query.IsEmpty && head.ContentType.IsEmpty && !head.HasHttpExtension);
        Assert.Equal(0, head.Version);
        Assert.Equal("", await BodyOf(reader));
    }

    private static async Task Swallow<T>(byte[] bytes, Random random, bool unary)
        where T : PeerHead, new()
    {
        try
        {
            var reader = PeerWire.Reader(new ScriptedInput(bytes, () => random.Next(1, 60)), "gzip", limit: 1000, unary);
            await reader.ReadHead<T>();
            await reader.ReadBody();
        }
        catch (PeerMessageException)
        {
            // What a peer's nonsense is answered with.
        }
    }

    private static async Task<string> BodyOf(PeerMessageReader reader)
    {
        var (bytes, error) = await reader.ReadBody();
        Assert.Null(error);
        return Encoding.UTF8.GetString(bytes);
    }

    private static byte[] Request(string payload) => PeerWire.Frame(RequestMessage(payload));

    private static InternalInvokeRequestStream RequestMessage(string? payload = null)
    {
        var message = new InternalInvokeRequestStream
        {
            Request = new InternalInvokeRequest
            {
                Ver = 1,
                Message = new InvokeRequest { Method = "m", ContentType = "text/plain", HttpExtension = new HttpExtension { Verb = 3, Querystring = "q" } },
            },
            Payload = payload is null ? null : new StreamPayload { Data = ByteString.CopyFromUtf8(payload) },
        };
        message.Request.Metadata["dapr-caller-app-id"] = new ListStringValue { Values = { "front" } };
        return message;
    }

    private static byte[] Later(string payload, ulong seq) => PeerWire.Frame(LaterMessage(payload, seq));

    private static InternalInvokeRequestStream LaterMessage(string payload, ulong seq) =>
        new() { Payload = new StreamPayload { Data = ByteString.CopyFromUtf8(payload), Seq = seq } };

    private sealed class BadEnd : IPeerStreamEnd
    {
        public Exception FailureAtEnd(bool inBody) => PeerMessageException.Plain($"in body: {inBody}");
    }
}
