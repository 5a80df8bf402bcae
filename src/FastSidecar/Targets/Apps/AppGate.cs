using System.IO.Pipelines;
using FastSidecar.Invocation;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Targets.Apps;

/// <summary>
/// What stands before the app when it was asked for: nobody passes while the app is not well, and no more at a time than it can take. Not
/// in the way of proxied gRPC calls, as in Dapr (pkg/channel/http/http_channel.go, pkg/channel/grpc/grpc_channel.go v1.18.3).
/// </summary>
internal sealed class AppGate : ITarget
{
    private readonly ITarget _app;
    private readonly AppHealth? _health;
    private readonly SemaphoreSlim? _slots;

    /// <param name="app">Behind the gate.</param>
    /// <param name="health">Null when the app is not asked.</param>
    /// <param name="maxConcurrency">Most calls under way, their answers' bodies included; 0 or less is no limit.</param>
    public AppGate(ITarget app, AppHealth? health, int maxConcurrency)
    {
        _app = app;
        _health = health;
        _slots = maxConcurrency > 0 ? new SemaphoreSlim(maxConcurrency) : null;
    }

    public ValueTask<InvokeResult> InvokeAsync(InvokeRequest request, CancellationToken cancellationToken)
    {
        if (_health is { IsHealthy: false })
        {
            return ValueTask.FromResult<InvokeResult>(ErrorTable.AppUnhealthy);
        }

        return _slots is null ? _app.InvokeAsync(request, cancellationToken) : InvokeInTurnAsync(_slots, request, cancellationToken);
    }

    /// <summary>Waits for a slot, in turn; a caller that goes away leaves the queue. Dapr waits on for it.</summary>
    private async ValueTask<InvokeResult> InvokeInTurnAsync(SemaphoreSlim slots, InvokeRequest request, CancellationToken cancellationToken)
    {
        try
        {
            await slots.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return ErrorTable.ClientGone;
        }

        InvokeResult result = ErrorTable.Unexpected;
        try
        {
            result = await _app.InvokeAsync(request, cancellationToken);
        }
        finally
        {
            if (result.Failed)
            {
                // A gRPC app is let run on when its caller has gone: it has the slot as long as it does.
                _ = ReleaseAsync(slots, result.Error.StillRunning);
            }
        }

        return result.Failed ? result : new SlotResponse(result.Response, slots);
    }

    /// <summary>Never fails: what it waits for does not.</summary>
    private static async Task ReleaseAsync(SemaphoreSlim slots, Task? running)
    {
        if (running is not null)
        {
            await running;
        }

        slots.Release();
    }

    /// <summary>The app's answer; its slot is free when it is disposed. One allocation a request, of apps that limit them only.</summary>
    private sealed class SlotResponse : InvokeResponse
    {
        private readonly InvokeResponse _answer;
        private SemaphoreSlim? _slots;

        public SlotResponse(InvokeResponse answer, SemaphoreSlim slots)
        {
            _answer = answer;
            _slots = slots;
            Status = answer.Status;
            IsGrpcStatus = answer.IsGrpcStatus;
            StatusMessage = answer.StatusMessage;
        }

        public override bool IsRemote => _answer.IsRemote;

        public override ReadOnlySpan<byte> StatusDetails => _answer.StatusDetails;

        public override ReadOnlySpan<byte> MessageContentType => _answer.MessageContentType;

        public override ReadOnlySpan<byte> TypeUrl => _answer.TypeUrl;

        public override bool HasData => _answer.HasData;

        public override HeaderList? Trailers => _answer.Trailers;

        public override HeaderList Headers => _answer.Headers;

        public override ReadOnlySpan<byte> ContentType => _answer.ContentType;

        public override long? Length => _answer.Length;

        public override PipeReader Body => _answer.Body;

        public override async ValueTask DisposeAsync()
        {
            try
            {
                await _answer.DisposeAsync();
            }
            finally
            {
                Interlocked.Exchange(ref _slots, null)?.Release();
            }
        }
    }
}
