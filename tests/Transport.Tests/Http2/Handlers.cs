using System.Buffers;
using FastSidecar.Transport.Headers;
using FastSidecar.Transport.Http2;

namespace FastSidecar.Transport.Tests.Http2;

/// <summary>A handler made of a function; a failure is kept for the test to see.</summary>
internal sealed class TestHandler(Func<Http2Stream, Task> handle) : IHttp2StreamHandler
{
    private readonly List<Exception> _failures = [];

    public IReadOnlyList<Exception> Failures => _failures;

    public void OnStream(Http2Stream stream) => _ = RunAsync(stream);

    private async Task RunAsync(Http2Stream stream)
    {
        try
        {
            await handle(stream);
        }
        catch (Exception e)
        {
            lock (_failures)
            {
                _failures.Add(e);
            }
        }
        finally
        {
            stream.Dispose();
        }
    }
}

internal static class Handlers
{
    private static readonly HeaderList Ok = Heads.Response();
    private static readonly HeaderList Trailers = Heads.List(("grpc-status", "0"));

    /// <summary>Answers each request's body with itself, as it comes, and ends with trailers.</summary>
    public static async Task EchoAsync(Http2Stream stream)
    {
        stream.WriteHead(Ok, endStream: false);
        while (true)
        {
            var read = await stream.Input.ReadAsync();
            foreach (var segment in read.Buffer)
            {
                segment.Span.CopyTo(stream.Output.GetSpan(segment.Length));
                stream.Output.Advance(segment.Length);
            }

            stream.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }

            await stream.Output.FlushAsync();
        }

        stream.End(Trailers);
    }

    /// <summary>Reads the rest of the input into one array.</summary>
    public static async Task<byte[]> ReadAllAsync(this Http2Stream stream)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await stream.Input.ReadAsync();
            foreach (var segment in read.Buffer)
            {
                all.Write(segment.Span);
            }

            stream.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return all.WrittenSpan.ToArray();
            }
        }
    }
}
