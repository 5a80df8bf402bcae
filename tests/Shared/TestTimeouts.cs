namespace FastSidecar.Tests.Shared;

/// <summary>Every wait of a test ends: what was awaited is named when it does not come.</summary>
public static class TestTimeouts
{
    /// <summary>Far above what anything takes on a busy two-core machine.</summary>
    public static readonly TimeSpan Default = TimeSpan.FromSeconds(30);

    public static async Task<T> Within<T>(this Task<T> task, string what)
    {
        if (await Task.WhenAny(task, Task.Delay(Default)) != task)
        {
            throw new TimeoutException($"did not happen within {Default.TotalSeconds} s: {what}");
        }

        return await task;
    }

    public static async Task Within(this Task task, string what)
    {
        if (await Task.WhenAny(task, Task.Delay(Default)) != task)
        {
            throw new TimeoutException($"did not happen within {Default.TotalSeconds} s: {what}");
        }

        await task;
    }
}
