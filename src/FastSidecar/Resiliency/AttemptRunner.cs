using System.Runtime.CompilerServices;
using FastSidecar.Invocation;
using FastSidecar.Transport.Async;

namespace FastSidecar.Resiliency;

/// <summary>One try at a request; each run is a new one.</summary>
internal interface IAttempt
{
    /// <summary>Runs the attempt with that number, counted from 0.</summary>
    ValueTask<InvokeResult> RunAsync(int attempt, CancellationToken cancellationToken);

    /// <summary>
    /// Told of a run that failed in a way that allows another (<see cref="InvokeError.MaySendAgain"/>). True when the same request can be
    /// sent once more: its body is still whole and nothing of an answer was forwarded.
    /// </summary>
    bool CanRepeat(InvokeError failure);

    /// <summary>There will be no further run.</summary>
    void Finish();
}

/// <summary>
/// How often a request is tried when no policy of the user's says otherwise (dapr pkg/resiliency/resiliency.go v1.18.3,
/// DaprBuiltInServiceRetries).
/// </summary>
internal sealed record BuiltInRetry
{
    /// <summary>Attempts after the first.</summary>
    public int Retries { get; init; } = 3;

    public TimeSpan Delay { get; init; } = TimeSpan.FromSeconds(1);
}

/// <summary>
/// Puts retries around attempts. It knows neither addresses nor bodies: an attempt says whether it can be repeated, an error whether it
/// may.
/// </summary>
internal sealed class AttemptRunner(BuiltInRetry retry, TimeProvider time)
{
    /// <summary>
    /// Runs attempts until one succeeds, fails for good, or the retries are used up, in which case the error says so in Dapr's words with
    /// <paramref name="targetName"/>.
    /// </summary>
    [AsyncMethodBuilder(typeof(PooledValueTaskMethodBuilder<>))]
    public async ValueTask<InvokeResult> RunAsync(IAttempt attempt, string targetName, CancellationToken cancellationToken)
    {
        try
        {
            for (var number = 0; ; number++)
            {
                var result = await attempt.RunAsync(number, cancellationToken);
                if (!result.Failed || !result.Error.MaySendAgain || !attempt.CanRepeat(result.Error))
                {
                    return result;
                }

                if (number == retry.Retries)
                {
                    return ErrorTable.RetriesExhausted(targetName, retry.Retries, result.Error);
                }

                try
                {
                    await Task.Delay(retry.Delay, time, cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    return ErrorTable.ClientGone;
                }
            }
        }
        finally
        {
            attempt.Finish();
        }
    }
}
