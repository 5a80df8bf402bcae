using FastSidecar.Invocation;
using FastSidecar.Protocol;

namespace FastSidecar.AccessControl;

/// <summary>
/// Who may call what on our app. The one place that is asked, with the method in the normal form that is dispatched afterwards. Without
/// configuration Dapr allows everything, which is all there is yet.
/// </summary>
internal sealed class AccessPolicy
{
    public static readonly AccessPolicy AllowAll = new();

    /// <summary>Null when <paramref name="caller"/> may; otherwise the denial.</summary>
    public InvokeError? Denial(Caller caller, ReadOnlySpan<byte> normalMethod, HttpVerb verb)
    {
        _ = (caller, normalMethod.Length, verb);
        return null;
    }
}
