using System.IO.Pipelines;
using FastSidecar.Invocation;
using FastSidecar.Invocation.Proxy;
using FastSidecar.Tests.BackPressure;
using FastSidecar.Tests.Shared;
using FastSidecar.Transport.Grpc;
using Xunit;

namespace FastSidecar.Tests.Invocation.Proxy;

/// <summary>What a call leaves behind for the next one that its object serves.</summary>
public sealed class ProxyCallTests
{
    private readonly ProxyCallPool _pool = new(maxMessageBytes: 1000);
    private readonly InvokeRequest _request = new();

    [Fact]
    public async Task UploadFails_WhileItIsStopped_NextCallIsNotToldOfIt()
    {
        await using var connection = new MemoryConnection();
        var call = Start(connection, new FailsWhenStopped());
        await call.DisposeAsync().AsTask().Within("the call's end");

        Assert.Same(call, _pool.Rent());
        Assert.Null(call.UploadError);
    }

    [Theory]
    [InlineData(1000, true)]
    [InlineData(20_000, false)]
    public async Task Call_WithALargeHead_IsNotKept(int valueBytes, bool isKept)
    {
        await using var connection = new MemoryConnection();
        _request.Metadata.Add("x"u8, new byte[valueBytes].Select(static _ => (byte)'v').ToArray());
        var call = Start(connection, new FailsWhenStopped());
        await call.DisposeAsync().AsTask().Within("the call's end");

        Assert.Equal(isKept, ReferenceEquals(call, _pool.Rent()));
    }

    private ProxyCall Start(MemoryConnection connection, PipeReader body)
    {
        _request.Method.Set("/user.Svc/M"u8);
        _request.Body.Start(body, length: null, BodyKind.Messages, limitBytes: 0, keepAtMost: 0);
        var call = _pool.Rent();
        call.Start(connection.Open(), _request);
        call.Send(new ProxyCallTemplate("b:1"u8, tls: false, withTrace: false), CancellationToken.None);
        return call;
    }

    /// <summary>Has nothing to read; the read that is told to stop finds the client's message broken.</summary>
    private sealed class FailsWhenStopped : PipeReader
    {
        private readonly TaskCompletionSource<ReadResult> _reading = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public override bool TryRead(out ReadResult result)
        {
            result = default;
            return false;
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => new(_reading.Task);

        public override void CancelPendingRead() =>
            _reading.TrySetException(new InvokeBodyException(new InvokeError(ErrorSide.Client, GrpcStatusCode.Internal, "unexpected EOF")));

        public override void AdvanceTo(SequencePosition consumed)
        {
        }

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
        }

        public override void Complete(Exception? exception = null)
        {
        }
    }
}
