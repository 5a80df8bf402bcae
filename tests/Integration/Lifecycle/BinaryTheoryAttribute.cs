using FastSidecar.Integration.Samples;
using Xunit;

namespace FastSidecar.Integration.Lifecycle;

/// <summary>A theory that runs the published program; counted as skipped, with the reason, where it is missing.</summary>
internal sealed class BinaryTheoryAttribute : TheoryAttribute
{
    public BinaryTheoryAttribute() => Skip = new BinaryFactAttribute(needsNetwork: false).Skip;
}
