using System.IO.Pipelines;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Tests.Invocation;

/// <summary>A response as a test wants it.</summary>
internal sealed class ScriptedResponse : InvokeResponse
{
    private readonly PipeReader _body;

    public ScriptedResponse(int status, string body = "", bool isGrpcStatus = false, string statusMessage = "")
        : this(status, PipeReader.Create(new MemoryStream(Encoding.UTF8.GetBytes(body))))
    {
        IsGrpcStatus = isGrpcStatus;
        StatusMessage = statusMessage;
    }

    public ScriptedResponse(int status, PipeReader body)
    {
        Status = status;
        _body = body;
    }

    public override HeaderList Headers { get; } = new();

    public override ReadOnlySpan<byte> ContentType => "text/plain"u8;

    public override PipeReader Body => _body;

    /// <summary>What the app's Content-Length said.</summary>
    public long? Announced { get; init; }

    public override long? Length => Announced;

    public int Disposals { get; private set; }

    /// <summary>Thrown when the response is disposed.</summary>
    public Exception? FailsOnDispose { get; init; }

    public override ValueTask DisposeAsync()
    {
        Disposals++;
        return FailsOnDispose is null ? ValueTask.CompletedTask : ValueTask.FromException(FailsOnDispose);
    }
}

/// <summary>A target that does what a test says.</summary>
internal sealed class ScriptedTarget : ITarget
{
    public Func<InvokeRequest, CancellationToken, ValueTask<InvokeResult>> OnInvoke { get; set; } =
        static (_, _) => ValueTask.FromResult<InvokeResult>(new ScriptedResponse(200));

    public void Answers(InvokeResult result) => OnInvoke = (_, _) => ValueTask.FromResult(result);

    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken) => OnInvoke(request, cancellationToken);
}
