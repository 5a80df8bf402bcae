using System.Buffers;
using System.IO.Compression;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Protocol.Peer;
using FastSidecar.Tests.Protocol;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

public sealed class MessageInputTests
{
    private const int Limit = 100;

    private static readonly byte[] ThreeMessages = [.. ProxyRig.Message("ping"), .. ProxyRig.Message(""), .. ProxyRig.Message(new string('q', Limit))];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(1000)]
    public async Task Messages_InPiecesOfAnySize_PassUnchanged(int pieceBytes)
    {
        var (passed, error) = await PassAsync(ThreeMessages, pieceBytes);

        Assert.Null(error);
        Assert.Equal(ThreeMessages, passed);
    }

    [Fact]
    public async Task EveryTruncation_WithinAMessage_IsUnexpectedEof()
    {
        int[] ends = [0, 9, 14, ThreeMessages.Length];
        for (var length = 0; length < ThreeMessages.Length; length++)
        {
            var (passed, error) = await PassAsync(ThreeMessages[..length], 1);

            Assert.Equal(ends.Contains(length), error is null);
            Assert.True(error is null or { Code: GrpcStatusCode.Internal, Text: "unexpected EOF" }, $"{length}: {error?.Reason}");
            Assert.Equal(ThreeMessages[..passed.Length], passed);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    public async Task TooLong_NothingOfItPasses_WhatWasBeforeDoes(int pieceBytes)
    {
        var good = ProxyRig.Message("good");
        var (passed, error) = await PassAsync([.. good, .. ProxyRig.Message(new string('q', Limit + 1))], pieceBytes);

        Assert.Equal(good, passed);
        Assert.Equal(GrpcStatusCode.ResourceExhausted, error!.Code);
        Assert.Equal("grpc: received message larger than max (101 vs. 100)", error.Text);
    }

    [Theory]
    [InlineData(2, "", GrpcStatusCode.Internal, "grpc: received unexpected payload format 2")]
    [InlineData(1, "", GrpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding")]
    [InlineData(1, "identity", GrpcStatusCode.Internal, "grpc: compressed flag set with identity or empty encoding")]
    [InlineData(1, "br", GrpcStatusCode.Unimplemented, "grpc: Decompressor is not installed for grpc-encoding \"br\"")]
    [InlineData(1, "gzip", GrpcStatusCode.Internal, "grpc: failed to decompress the message: gzip: invalid header")]
    public async Task Flag_ThatCannotBeRead_IsToldAsGrpcGoDoes(byte flag, string encoding, GrpcStatusCode code, string text)
    {
        var good = ProxyRig.Message("good");
        var (passed, error) = await PassAsync([.. good, .. ProxyRig.Message(new string('x', 30), flag)], 1000, encoding);

        Assert.Equal(good, passed);
        Assert.Equal((code, text), (error!.Code!.Value, error.Text));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(1000)]
    public async Task Gzip_BetweenPlainOnes_IsUnpacked(int pieceBytes)
    {
        byte[] input = [.. ProxyRig.Message("a"), .. ProxyRig.Message(Gzip("pingping"), 1), .. ProxyRig.Message(Gzip("more"), 1), .. ProxyRig.Message("b")];
        var (passed, error) = await PassAsync(input, pieceBytes, "gzip");

        Assert.Null(error);
        byte[] plain = [.. ProxyRig.Message("a"), .. ProxyRig.Message("pingping"), .. ProxyRig.Message("more"), .. ProxyRig.Message("b")];
        Assert.Equal(plain, passed);
    }

    [Fact]
    public async Task Gzip_UnpacksToMoreThanTheLimit_IsRefused()
    {
        var (passed, error) = await PassAsync(ProxyRig.Message(Gzip(new string('q', Limit + 1)), 1), 1000, "gzip");

        Assert.Empty(passed);
        Assert.Equal((GrpcStatusCode.ResourceExhausted, "grpc: received message after decompression larger than max 100"), (error!.Code!.Value, error.Text));
    }

    [Fact]
    public async Task LeftUnread_ComesAgain_AndNotInPart()
    {
        var input = new MessageInput();
        input.Start(ScriptedInput.Whole(ThreeMessages), default, Limit, isAnswer: false);
        var first = await input.ReadAsync().AsTask().Within("the messages");
        Assert.Throws<ArgumentException>(() => input.AdvanceTo(first.Buffer.GetPosition(3)));
        input.AdvanceTo(first.Buffer.Start);
        var again = await input.ReadAsync().AsTask().Within("the messages again");

        Assert.Equal(ThreeMessages, again.Buffer.ToArray());
        input.AdvanceTo(again.Buffer.End);
    }

    private static byte[] Gzip(string text)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
        {
            gzip.Write(Encoding.UTF8.GetBytes(text));
        }

        return packed.ToArray();
    }

    /// <summary>What passes of the input when it comes in such pieces, and the error that ends it.</summary>
    private static async Task<(byte[] Passed, InvokeError? Error)> PassAsync(byte[] bytes, int pieceBytes, string encoding = "")
    {
        var input = new MessageInput();
        input.Start(ScriptedInput.InSteps(bytes, pieceBytes), PeerEncoding.Parse(Encoding.UTF8.GetBytes(encoding)), Limit, isAnswer: false);
        var passed = new List<byte>();
        try
        {
            while (true)
            {
                var read = await input.ReadAsync().AsTask().Within("a piece");
                passed.AddRange(read.Buffer.ToArray());
                input.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted)
                {
                    return (passed.ToArray(), null);
                }
            }
        }
        catch (InvokeBodyException e)
        {
            return (passed.ToArray(), e.Error);
        }
        finally
        {
            input.Release();
        }
    }
}
