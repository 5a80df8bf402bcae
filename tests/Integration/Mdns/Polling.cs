using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Mdns;

/// <summary>Asks again until the answer is the expected one.</summary>
internal static class Polling
{
    public static async Task UntilAsync(Func<Task<string>> ask, Func<string, bool> isExpected)
    {
        var deadline = Task.Delay(TestTimeouts.Default);
        string answer;
        while (!isExpected(answer = await ask()))
        {
            Assert.False(deadline.IsCompleted, $"the last answer: {answer}");
            await Task.Delay(50);
        }
    }
}
