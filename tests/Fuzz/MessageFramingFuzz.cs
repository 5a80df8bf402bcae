using System.Buffers;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Fuzz;

/// <summary>
/// Any bytes as DATA: messages, the same however they are cut and however little arrives at a time; nothing is taken before it is whole.
/// </summary>
public sealed class MessageFramingFuzz
{
    private const uint MaxMessageBytes = 300;

    private static readonly byte[][] Seeds =
    [
        [0, 0, 0, 0, 0],
        [1, 0, 0, 0, 3, 1, 2, 3],
        [0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 8, 8],
        [0, 0, 0, 1, 0, .. new byte[256]],
        [0, 0xff, 0xff, 0xff, 0xff, 1],
    ];

    [Fact]
    public void AnyBytes() => FuzzRun.Run(Seeds, Read);

    private static void Read(byte[] bytes, Random random)
    {
        var expected = ReadAll(new ReadOnlySequence<byte>(bytes), out var leftOver);
        Assert.Equal(expected, ReadAll(Segments.Cut(bytes, random), out var leftOverOfPieces));
        Assert.Equal(leftOver, leftOverOfPieces);
        Assert.Equal(expected, ReadAsItArrives(bytes, random));
    }

    private static List<string> ReadAll(ReadOnlySequence<byte> buffer, out long leftOver)
    {
        var messages = new List<string>();
        while (TryRead(ref buffer, messages))
        {
        }

        leftOver = buffer.Length;
        return messages;
    }

    private static List<string> ReadAsItArrives(byte[] bytes, Random random)
    {
        var messages = new List<string>();
        var consumed = 0;
        for (var arrived = 0; arrived < bytes.Length;)
        {
            arrived = Math.Min(arrived + random.Next(1, 40), bytes.Length);
            var buffer = new ReadOnlySequence<byte>(bytes, consumed, arrived - consumed);
            while (TryRead(ref buffer, messages))
            {
            }

            consumed = arrived - (int)buffer.Length;
            if (messages is [.., var last] && last.StartsWith("grpc:", StringComparison.Ordinal))
            {
                break;
            }
        }

        return messages;
    }

    /// <summary>Adds a message as hex, or the error's text, after which nothing follows.</summary>
    private static bool TryRead(ref ReadOnlySequence<byte> buffer, List<string> messages)
    {
        var before = buffer;
        try
        {
            if (MessageFraming.TryReadMessage(ref buffer, MaxMessageBytes, out var compressed, out var message))
            {
                Assert.Equal(before.Length - MessageFraming.PrefixBytes - message.Length, buffer.Length);
                messages.Add($"{compressed} {Convert.ToHexString(message.ToArray())}");
                return true;
            }
        }
        catch (GrpcFramingException e)
        {
            messages.Add(e.Message);
        }

        Assert.Equal(before.Start, buffer.Start);
        Assert.Equal(before.Length, buffer.Length);
        return false;
    }
}
