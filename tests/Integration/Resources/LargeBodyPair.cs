using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.Resources;

/// <summary>A pair that lets bodies of a gigabyte through.</summary>
public sealed class LargeBodyPair() : SidecarPair("--max-body-size", "1Gi");
