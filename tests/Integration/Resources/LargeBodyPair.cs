using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;

namespace FastSidecar.Integration.Resources;

/// <summary>A pair that lets bodies of a gigabyte through.</summary>
public sealed class LargeBodyPair() : SidecarPair("--max-body-size", "1Gi");

/// <summary>The same with an app that does what the test says.</summary>
public sealed class LargeScriptedPair() : ScriptedAppPair("--max-body-size", "1Gi");
