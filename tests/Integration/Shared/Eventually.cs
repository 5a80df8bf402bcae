using FastSidecar.Tests.Shared;

namespace FastSidecar.Integration.Shared;

/// <summary>Waits for what another process does in its own time and does not announce.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> complaint)
    {
        var limit = Task.Delay(TestTimeouts.Default);
        while (!await condition())
        {
            if (limit.IsCompleted)
            {
                throw new TimeoutException($"did not happen within {TestTimeouts.Default.TotalSeconds} s: {complaint()}");
            }

            await Task.Delay(Pause);
        }
    }

    public static Task TrueAsync(Func<bool> condition, Func<string> complaint) => TrueAsync(() => Task.FromResult(condition()), complaint);
}
