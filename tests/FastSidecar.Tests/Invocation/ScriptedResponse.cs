using System.IO.Pipelines;
using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Tests.Invocation;

/// <summary>A response as a test wants it.</summary>
internal sealed class ScriptedResponse : InvokeResponse
{
    private readonly PipeReader _body;
    private readonly TaskCompletionSource _disposed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ScriptedResponse(int status, string body = "", bool isGrpcStatus = false, string statusMessage = "")
        : this(status, PipeReader.Create(new MemoryStream(Encoding.UTF8.GetBytes(body))), isGrpcStatus, statusMessage)
    {
    }

    public ScriptedResponse(int status, PipeReader body, bool isGrpcStatus = false, string statusMessage = "")
    {
        Status = status;
        IsGrpcStatus = isGrpcStatus;
        StatusMessage = statusMessage;
        _body = body;
    }

    public override HeaderList Headers { get; } = new();

    public override ReadOnlySpan<byte> ContentType => "text/plain"u8;

    public override long? Length => AnnouncedLength;

    /// <summary>What the app said of the body's length.</summary>
    public long? AnnouncedLength { get; init; }

    /// <summary>Completes when the response is given back.</summary>
    public Task Disposed => _disposed.Task;

    public override PipeReader Body => _body;

    public int Disposals { get; private set; }

    /// <summary>Thrown when the response is disposed.</summary>
    public Exception? FailsOnDispose { get; init; }

    public override ValueTask DisposeAsync()
    {
        Disposals++;
        _disposed.TrySetResult();
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
