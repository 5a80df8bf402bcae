using FastSidecar.Invocation;

namespace FastSidecar.Resiliency;

/// <summary>Tries at a request after its first.</summary>
internal interface IAttempt
{
    /// <summary>Runs the attempt with that number; the first was 0.</summary>
    ValueTask<InvokeResult> RunAsync(int attempt, CancellationToken cancellationToken);

    /// <summary>
    /// Told of a run that failed in a way that allows another (<see cref="InvokeError.MaySendAgain"/>). True when the same request can be
    /// sent once more: its body is still whole and nothing of an answer was forwarded.
    /// </summary>
    bool CanRepeat(InvokeError failure);
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
/// Repeats attempts that failed. It knows neither addresses nor bodies: an attempt says whether it can be repeated, an error whether it
/// may.
/// </summary>
internal sealed class AttemptRunner(BuiltInRetry retry, TimeProvider time)
{
    /// <summary>
    /// After a first attempt that ended with <paramref name="failure"/>: runs further ones until one succeeds, fails for good, or the
    /// retries are used up, in which case the error says so in Dapr's words with <paramref name="targetName"/>.
    /// </summary>
    public async ValueTask<InvokeResult> RepeatAsync(IAttempt attempt, string targetName, InvokeError failure, CancellationToken cancellationToken)
    {
        InvokeResult result = failure;
        for (var retries = 0; result.Failed && result.Error.MaySendAgain && attempt.CanRepeat(result.Error); retries++)
        {
            if (retries == retry.Retries)
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

            result = await attempt.RunAsync(retries + 1, cancellationToken);
        }

        return result;
    }
}
