using Xunit;

namespace FastSidecar.Integration.Resources;

/// <summary>One after the other, and beside nothing else: what is measured is the sidecars'.</summary>
[CollectionDefinition("Resources", DisableParallelization = true)]
public sealed class ResourcesCollection;
