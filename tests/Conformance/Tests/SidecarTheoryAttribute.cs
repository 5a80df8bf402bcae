using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Replay;
using Xunit;

namespace FastSidecar.Conformance.Tests;

/// <summary>
/// A theory that needs the published sidecar; skipped, with the reason, where there is none. In CI, which has all that is needed, nothing is
/// skipped: what is missing fails there.
/// </summary>
public sealed class SidecarTheoryAttribute : TheoryAttribute
{
    /// <param name="needsNetwork">What is replayed needs a network namespace of its own.</param>
    public SidecarTheoryAttribute(bool needsNetwork = false)
    {
        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            return;
        }

        if (SidecarBinary.Find() is null)
        {
            Skip = $"no artifacts/daprd: run `make build`, or set {SidecarBinary.Variable}";
        }
        else if (needsNetwork && !IsolatedNetwork.IsAvailable)
        {
            Skip = "cannot make a network namespace: needs root or user namespaces, util-linux and iproute2";
        }
    }
}
