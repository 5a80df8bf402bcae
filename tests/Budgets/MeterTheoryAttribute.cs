using Xunit;

namespace FastSidecar.Budgets;

/// <summary>
/// A theory over the budgets of a meter; skipped, with the reason, where the meter lacks a program. In CI, which has all that is needed,
/// nothing is skipped.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MeterTheoryAttribute : TheoryAttribute
{
    public MeterTheoryAttribute(string meter)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            return;
        }

        if (Gate.Missing(Enum.Parse<Meter>(meter)) is { } missing)
        {
            Skip = $"{missing} is missing (make build, build/publish-perf.sh Micro and build/install-test-peers.sh bring what may be had)";
        }
    }
}
