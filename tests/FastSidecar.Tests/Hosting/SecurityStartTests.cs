using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using FastSidecar.Configuration;
using FastSidecar.Hosting;
using FastSidecar.Observability.Logging;
using FastSidecar.Tests.Observability;
using Xunit;

namespace FastSidecar.Tests.Hosting;

/// <summary>Which starts need an identity, and in which order and words a missing part ends them (spec: security, 1.1 and 1.2).</summary>
public sealed class SecurityStartTests : IDisposable
{
    private readonly LogRecorder _log = new(new LoggingOptions());
    private readonly Dictionary<string, string> _variables = [];

    public void Dispose() => _log.Dispose();

    [Fact]
    public void NothingAskedFor_OneWarning()
    {
        Assert.Null(Problem(new SidecarOptions()));
        Assert.Contains("level=warning msg=\"mTLS is disabled. Skipping certificate request and tls validation\"", _log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "trust anchors are required")]
    [InlineData("x", "failed to decode trust anchors: no certificates found")]
    [InlineData("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "failed to decode trust anchors: no certificates found")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "failed to decode trust anchors: ")]
    public void MtlsWithoutGoodAnchors_Daprds(string anchors, string reason)
    {
        _variables["DAPR_TRUST_ANCHORS"] = anchors;
        Assert.StartsWith($"Fatal error from runtime: {reason}", Problem(new SidecarOptions { MtlsEnabled = true }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SidecarOptions.Standalone, "this version of FastSidecar has no mTLS: start it without --enable-mtls")]
    [InlineData(SidecarOptions.Kubernetes, "this version of FastSidecar has no Kubernetes mode")]
    public void GoodAnchors_NeverGoesOnInClearText(string mode, string reason)
    {
        _variables["DAPR_TRUST_ANCHORS"] = SelfSigned();
        Assert.Equal($"Fatal error from runtime: {reason}", Problem(new SidecarOptions { MtlsEnabled = true, Mode = mode }));
    }

    [Theory]
    [InlineData(SidecarOptions.Kubernetes, null, "Fatal error from runtime: current user UID(0) is root. Dapr must be run as a non-root user")]
    [InlineData(SidecarOptions.Kubernetes, "1", "Fatal error from runtime: current user UID(0) is root. ")]
    [InlineData(SidecarOptions.Kubernetes, "true", "Fatal error from runtime: trust anchors are required")]
    [InlineData("somewhere", null, null)]
    public void Root_OnlyKubernetesMinds(string mode, string? variable, string? problem)
    {
        if (variable is not null)
        {
            _variables["DAPR_UNSAFE_SKIP_CONTAINER_UID_GID_CHECK"] = variable;
        }

        var actual = Problem(new SidecarOptions { Mode = mode }, isRoot: true);
        Assert.Equal(problem is null, actual is null);
        Assert.StartsWith(problem ?? "", actual ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void NoTrustDomain_FailsWithoutMtlsToo() => Assert.Equal(
        "Fatal error from runtime: control plane trust domain is required", Problem(new SidecarOptions { ControlPlaneTrustDomain = "" }));

    private string? Problem(SidecarOptions options, bool isRoot = false)
    {
        try
        {
            SecurityStart.Check(options, new EnvironmentVariables(_variables), isRoot, _log.Logging.CreateLogger("dapr.runtime.security"));
            return null;
        }
        catch (SidecarStartException e)
        {
            return e.Problem.Message;
        }
    }

    private static string SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=root", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(LogRecorder.Now, LogRecorder.Now.AddYears(1));
        return certificate.ExportCertificatePem();
    }
}
