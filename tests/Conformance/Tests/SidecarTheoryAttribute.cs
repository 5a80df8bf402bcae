using FastSidecar.Conformance.Replay;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>A theory that needs the published sidecar; skipped, with the reason, where there is none.</summary>
public sealed class SidecarTheoryAttribute : TheoryAttribute
{
    public SidecarTheoryAttribute()
    {
        if (SidecarBinary.Find() is null)
        {
            Skip = $"no artifacts/daprd: run `make build`, or set {SidecarBinary.Variable}";
        }
    }
}
