namespace FastSidecar.Transport.Tests.Tls;

/// <summary>
/// A bundle that a fresh Sentry 1.18.3 made, and what it signed for an Ed25519 and for a P-256 request: throw-away keys, leaves valid for
/// one day (recorded in Dapr's own processes, 2026-11-21). Written to a directory of their own, because openssl reads files.
/// </summary>
internal sealed class SentryBundle : IDisposable
{
    /// <summary>A moment at which everything is valid.</summary>
    public static readonly DateTimeOffset ValidAt = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly string _directory = Directory.CreateTempSubdirectory("fastsidecar-sentry-").FullName;

    public SentryBundle()
    {
        foreach (var (name, text) in Files)
        {
            File.WriteAllText(Path.Combine(_directory, name), text + "\n");
        }
    }

    public TestLeaf Root => Leaf("ca", "ca");

    public TestLeaf Ed25519 => Leaf("leaf-ed25519", "issuer");

    public TestLeaf P256 => Leaf("leaf-p256", "issuer");

    private static (string Name, string Text)[] Files =>
    [
        ("ca.crt", """
            -----BEGIN CERTIFICATE-----
            MIIBKDCB26ADAgECAhEAo9KNeXZaGmoyW6k66l2mOTAFBgMrZXAwFDESMBAGA1UE
            ChMJbG9jYWxob3N0MB4XDTI2MTEyMTA2MTQwNloXDTI3MTEyMTA2MjkwNlowFDES
            MBAGA1UEChMJbG9jYWxob3N0MCowBQYDK2VwAyEAMMhju7/VhYrhkPeJX1ZLSQB4
            bwcbvLaqw/XhfiFNIjWjQjBAMA4GA1UdDwEB/wQEAwIChDAPBgNVHRMBAf8EBTAD
            AQH/MB0GA1UdDgQWBBSm6lkOnV9ibSrJyeJMTzcekiWy4TAFBgMrZXADQQDe/BnZ
            J1aknQu1iWv3PlVk65HVPNWIsifj8YYtdiDfoUdw3rXh6uKaW13Ox51hKXuwp5sM
            t0XNO/ClEapicoQL
            -----END CERTIFICATE-----
            """),
        ("issuer.crt", """
            -----BEGIN CERTIFICATE-----
            MIIBSDCB+6ADAgECAhEAyEgInynxEnL+GoZHM1bJdjAFBgMrZXAwFDESMBAGA1UE
            ChMJbG9jYWxob3N0MB4XDTI2MTEyMTA2MTQwNloXDTI3MTEyMTA2MjkwNlowNDEy
            MDAGA1UEChMpc3BpZmZlOi8vbG9jYWxob3N0L25zL2RlZmF1bHQvZGFwci1zZW50
            cnkwKjAFBgMrZXADIQDzq0Ar+v//mCegTPMxMYwnR9994dYAYDyPQqslEy9ozqNC
            MEAwDgYDVR0PAQH/BAQDAgGGMA8GA1UdEwEB/wQFMAMBAf8wHQYDVR0OBBYEFNin
            pMTAGYYGfhkXOkdcpNH9Fr8dMAUGAytlcANBAOuiAv14RVg3FmRfRz2VacZFUAlF
            bK0yEYyFAhXfxkNuOfwiXc8cv5H3GB2GXJbxCiC/za9CYFSQV9R4dUmEOQc=
            -----END CERTIFICATE-----
            """),
        ("leaf-ed25519.crt", """
            -----BEGIN CERTIFICATE-----
            MIIBdTCCASegAwIBAgIRALwDgi0IIk8fdWOqBIkF938wBQYDK2VwMDQxMjAwBgNV
            BAoTKXNwaWZmZTovL2xvY2FsaG9zdC9ucy9kZWZhdWx0L2RhcHItc2VudHJ5MB4X
            DTI2MTEyMTA2MTQwNloXDTI2MTEyMjA2MjkwNlowADAqMAUGAytlcAMhACAEJchu
            Ml9Fd+eUMrPd72E9ucGHPqIjVOWBXLS2kkIKo4GBMH8wDgYDVR0PAQH/BAQDAgeA
            MB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAfBgNVHSMEGDAWgBTYp6TE
            wBmGBn4ZFzpHXKTR/Ra/HTAtBgNVHREBAf8EIzAhhh9zcGlmZmU6Ly9wdWJsaWMv
            bnMvZGVmYXVsdC9hcHAxMAUGAytlcANBADvr1hyjPaDEbW5Y/ZmtJ/6AWmZLf3z5
            DQDCJ0JGZJ7jU5bBreSJxbFY6KiJomNH9Qjwqugoad3RgPXMEQR5EA0=
            -----END CERTIFICATE-----
            """),
        ("leaf-ed25519.key", """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEIN7EbGQKETeS0GTwyAbpJx1PPlLKzUe+GqruJC2N4o3J
            -----END PRIVATE KEY-----
            """),
        ("leaf-p256.crt", """
            -----BEGIN CERTIFICATE-----
            MIIBozCCAVWgAwIBAgIQG2m1owLo81q+BtGPFBCoWzAFBgMrZXAwNDEyMDAGA1UE
            ChMpc3BpZmZlOi8vbG9jYWxob3N0L25zL2RlZmF1bHQvZGFwci1zZW50cnkwHhcN
            MjYxMTIxMDYxNDA2WhcNMjYxMTIyMDYyOTA2WjAAMFkwEwYHKoZIzj0CAQYIKoZI
            zj0DAQcDQgAEgTQQfE3spsBZ3i89o4lPuZSip1TsIFHfwIZeMWtmwutlprqI/2JP
            OzA16rLBd5ao8nNwAtCH67vn0ysNzPlqJ6OBgTB/MA4GA1UdDwEB/wQEAwIHgDAd
            BgNVHSUEFjAUBggrBgEFBQcDAQYIKwYBBQUHAwIwHwYDVR0jBBgwFoAU2KekxMAZ
            hgZ+GRc6R1yk0f0Wvx0wLQYDVR0RAQH/BCMwIYYfc3BpZmZlOi8vcHVibGljL25z
            L2RlZmF1bHQvYXBwMTAFBgMrZXADQQASkKzlxMo3GuScvfDZ9q5XyIpEabD2zu3I
            1zjfTEXMHfHnbkpZZSddGNarZb7VcPtmQaLM+l2mOoj5OTrNpCsG
            -----END CERTIFICATE-----
            """),
        ("leaf-p256.key", """
            -----BEGIN PRIVATE KEY-----
            MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgryKC6m4zvPoa1SVn
            UAoJA8fBGT0Cycrym0LMSrrCGWqhRANCAASBNBB8TeymwFneLz2jiU+5lKKnVOwg
            Ud/Ahl4xa2bC62Wmuoj/Yk87MDXqssF3lqjyc3AC0Ifru+fTKw3M+Won
            -----END PRIVATE KEY-----
            """),
    ];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private TestLeaf Leaf(string name, string issuer) => new(Path.Combine(_directory, name), Path.Combine(_directory, issuer));
}
