using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FastSidecar.Configuration;
using Microsoft.Extensions.Logging;

namespace FastSidecar.Hosting;

/// <summary>
/// The first step of a start: who may run it, and what an identity would need (dapr pkg/security/security.go and usergroup.go v1.18.3).
/// Identities are not built yet, so a start that needs one ends here: going on in clear text would be the worst way to not have it.
/// </summary>
internal static partial class SecurityStart
{
    /// <summary>Checks in daprd's order and with its words. Throws <see cref="SidecarStartException"/>.</summary>
    /// <param name="options">The options of the start.</param>
    /// <param name="environment">Has the trust anchors.</param>
    /// <param name="isRoot">The effective user is root, which Dapr refuses to be in Kubernetes.</param>
    /// <param name="log">Scope <c>dapr.runtime.security</c>.</param>
    public static void Check(SidecarOptions options, EnvironmentVariables environment, bool isRoot, ILogger log)
    {
        var inKubernetes = options.Mode == SidecarOptions.Kubernetes;
        if (inKubernetes && environment.SkipsUserCheck)
        {
            Log.UserCheckSkipped(log);
        }
        else if (inKubernetes && isRoot)
        {
            throw new SidecarStartException(
                "current user UID(0) is root. Dapr must be run as a non-root user in Kubernetes environments. To override this check, "
                + $"set the environment variable '{EnvironmentVariables.SkipUserCheckName}=true'");
        }

        if (options.ControlPlaneTrustDomain.Length == 0)
        {
            throw new SidecarStartException("control plane trust domain is required");
        }

        if (!inKubernetes && !options.MtlsEnabled)
        {
            Log.MtlsOff(log);
            return;
        }

        // In Kubernetes the control plane is spoken to with an identity even where sidecars are not.
        CheckTrustAnchors(environment.TrustAnchors);
        throw new SidecarStartException(inKubernetes
            ? "this version of FastSidecar has no Kubernetes mode"
            : "this version of FastSidecar has no mTLS: start it without --enable-mtls");
    }

    private static void CheckTrustAnchors(string pem)
    {
        if (pem.Length == 0)
        {
            throw new SidecarStartException("trust anchors are required");
        }

        var anchors = new X509Certificate2Collection();
        try
        {
            anchors.ImportFromPem(pem);
        }
        catch (CryptographicException e)
        {
            throw new SidecarStartException($"failed to decode trust anchors: {e.Message}", e);
        }

        if (anchors.Count == 0)
        {
            throw new SidecarStartException("failed to decode trust anchors: no certificates found");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "mTLS is disabled. Skipping certificate request and tls validation")]
        public static partial void MtlsOff(ILogger logger);

        [LoggerMessage(Level = LogLevel.Warning, Message = "Skipping container UID/GID check due to env override.")]
        public static partial void UserCheckSkipped(ILogger logger);
    }
}
