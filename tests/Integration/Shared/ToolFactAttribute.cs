using Xunit;

namespace FastSidecar.Integration.Shared;

/// <summary>A fact that needs other programs; counted as skipped, with the reason, where one is missing.</summary>
internal sealed class ToolFactAttribute : FactAttribute
{
    /// <param name="programs">Their names; build/install-test-peers.sh installs them where it may.</param>
    public ToolFactAttribute(params string[] programs)
    {
        Skip = Tool.Missing(programs);
    }
}

/// <summary>A theory that needs other programs.</summary>
internal sealed class ToolTheoryAttribute : TheoryAttribute
{
    public ToolTheoryAttribute(params string[] programs)
    {
        Skip = Tool.Missing(programs);
    }
}
