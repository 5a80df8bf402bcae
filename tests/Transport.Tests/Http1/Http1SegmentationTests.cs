using System.IO.Pipelines;
using System.Text;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Http1;
using Xunit;
using static FastSidecar.Transport.Tests.Http1.Http1Calls;

namespace FastSidecar.Transport.Tests.Http1;

/// <summary>Random answers, cut at random places into tiny segments, taken up in random portions: over a pipe instead of a socket.</summary>
public sealed class Http1SegmentationTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task RandomAnswers_ArriveWhateverTheirSegments(int seed)
    {
        var random = new Random(seed);
        var wires = 0;
        var toClient = new Pipe();
        var toServer = new Pipe();
        await using var client = new Http1Client(new Http1ClientOptions(), TimeProvider.System, _ =>
        {
            wires++;
            var options = new PipeOptions(minimumSegmentSize: random.Next(1, 64), pauseWriterThreshold: 0, useSynchronizationContext: false);
            toClient = new Pipe(options);
            toServer = new Pipe(new PipeOptions(pauseWriterThreshold: 0, useSynchronizationContext: false));
            var answers = toClient.Writer;
            return ValueTask.FromResult(new Http1Wire(new Duplex(toClient.Reader, toServer.Writer), () => answers.Complete(), null, null));
        });
        for (var i = 0; i < 300; i++)
        {
            var (response, body, fields) = Compose(random);
            using var exchange = await client.StartAsync();
            var answering = AnswerAsync(toServer.Reader, toClient.Writer, response, random.Next());
            await exchange.ReadHeadAsync(CancellationToken.None).AsTask().Within($"head of {i}");
            Assert.Equal(fields, Lines(exchange.Headers)[..fields.Length]);
            Assert.Equal(body, await TakeAsync(exchange.Input, random));
            await answering.Within("server");
        }

        Assert.Equal(1, wires);
        Assert.Equal(1, client.IdleConnections);
    }

    private static (string Response, string Body, string[] Fields) Compose(Random random)
    {
        var lineEnd = random.Next(4) == 0 ? "\n" : "\r\n";
        var response = new StringBuilder();
        for (var i = random.Next(3); i > 0; i--)
        {
            response.Append($"HTTP/1.1 103 Early Hints{lineEnd}Link: <{Text(random, 30)}>{lineEnd}{lineEnd}");
        }

        response.Append($"HTTP/1.1 200 OK{lineEnd}");
        var fields = new string[random.Next(1, 8)];
        for (var i = 0; i < fields.Length; i++)
        {
            var (first, second) = (Text(random, 40), Text(random, 20));
            var folded = random.Next(5) == 0;
            fields[i] = folded ? $"X-{i}: {first} {second}" : $"X-{i}: {first}";
            response.Append(folded ? $"X-{i}: {first}{lineEnd}\t{second}{lineEnd}" : $"X-{i}: {first}{lineEnd}");
        }

        var body = random.Next(4) == 0 ? "" : Text(random, 3000);
        if (random.Next(2) == 0)
        {
            response.Append($"Content-Length: {body.Length}{lineEnd}{lineEnd}{body}");
            return (response.ToString(), body, fields);
        }

        response.Append($"Transfer-Encoding: chunked{lineEnd}{lineEnd}");
        for (var at = 0; at < body.Length;)
        {
            var count = random.Next(1, Math.Min(body.Length - at, random.Next(2, 700)) + 1);
            response.Append($"{count:x}{(random.Next(5) == 0 ? ";" + Text(random, 90) : "")}\r\n{body.AsSpan(at, count)}\r\n");
            at += count;
        }

        response.Append("0\r\n").Append(random.Next(3) == 0 ? "X-T: trailer\r\n\r\n" : "\r\n");
        return (response.ToString(), body, fields);
    }

    private static string Text(Random random, int most) =>
        string.Create(random.Next(1, most), random, static (span, r) =>
        {
            foreach (ref var c in span)
            {
                c = (char)('a' + r.Next(26));
            }
        });

    private static async Task AnswerAsync(PipeReader requests, PipeWriter answers, string response, int seed)
    {
        while (true)
        {
            var request = await requests.ReadAsync();
            var complete = Encoding.Latin1.GetString(request.Buffer).EndsWith("\r\n\r\n");
            requests.AdvanceTo(complete ? request.Buffer.End : request.Buffer.Start, request.Buffer.End);
            if (complete)
            {
                break;
            }
        }

        var random = new Random(seed);
        var bytes = Encoding.Latin1.GetBytes(response);
        for (var at = 0; at < bytes.Length;)
        {
            var count = Math.Min(random.Next(1, random.Next(2, 900)), bytes.Length - at);
            await answers.WriteAsync(bytes.AsMemory(at, count));
            at += count;
            if (random.Next(3) == 0)
            {
                await Task.Yield();
            }
        }
    }

    private static async Task<string> TakeAsync(PipeReader input, Random random)
    {
        var text = new StringBuilder();
        while (true)
        {
            var result = await input.ReadAsync().AsTask().Within("body");
            var take = random.NextInt64(result.Buffer.Length + 1);
            text.Append(Encoding.Latin1.GetString(result.Buffer.Slice(0, take)));
            if (result.IsCompleted && take == result.Buffer.Length)
            {
                input.AdvanceTo(result.Buffer.End);
                return text.ToString();
            }

            // A completed body comes again at once however much of it was examined; an unfinished one only when something is left to look at.
            var examined = random.Next(2) == 0 ? result.Buffer.End : result.Buffer.GetPosition(take);
            input.AdvanceTo(result.Buffer.GetPosition(take), examined);
        }
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
