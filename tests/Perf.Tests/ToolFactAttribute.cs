using FastSidecar.Compare;
using Xunit;

namespace FastSidecar.Perf.Tests;

/// <summary>A test that needs programs of the system; skipped where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class ToolFactAttribute : FactAttribute
{
    public ToolFactAttribute(params string[] programs)
    {
        if (programs.FirstOrDefault(program => !Programs.Exists(program)) is { } missing)
        {
            Skip = $"{missing} is not installed (build/perf.sh and build/install-test-peers.sh install it where they may)";
        }
    }
}
