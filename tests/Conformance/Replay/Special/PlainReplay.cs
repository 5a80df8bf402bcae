using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Cases;
using FastSidecar.Conformance.Judging;

namespace FastSidecar.Conformance.Replay.Special;

/// <summary>Files whose cases are one raw request each against a topology that stays as it is.</summary>
internal static class PlainReplay
{
    /// <summary>The app stops listening once the sidecars are ready.</summary>
    private static readonly HashSet<string> AppStops = ["http/app-down", "http/local-app-down", "http/app-https-down"];

    public static async Task RunAsync(ReplaySettings settings, CaseFile file, RunCase runCase)
    {
        using var certificate = file.Name.StartsWith("http/app-https", StringComparison.Ordinal) ? SelfSigned() : null;
        await using var topology = new Topology(settings, file, certificate);
        await topology.StartAsync();
        if (AppStops.Contains(file.Name))
        {
            topology.App.Stop();
        }

        var replay = new CaseReplay(topology);
        foreach (var recorded in file.Cases)
        {
            await runCase(file, recorded, file.Name == "http/tracing" ? LabelledAsync : replay.RunAsync);
        }

        async Task<JsonObject> LabelledAsync(JsonObject recorded) => TraceLabels.Apply(recorded, await replay.RunAsync(recorded));
    }

    /// <summary>A certificate that nobody has reason to trust, as an app's own would be.</summary>
    private static X509Certificate2 SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var now = DateTimeOffset.UtcNow;
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
    }
}
