namespace FastSidecar.Transport.Tests.Tls;

/// <summary>What a key is: Sentry 1.18 and its sidecars use Ed25519, older ones and FastSidecar P-256.</summary>
public enum KeyKind
{
    Ed25519,
    P256,
}

/// <summary>
/// Root and issuer as Sentry 1.18.3 makes them (fixtures security/made-by-sentry), and leaves in Sentry's form: empty subject, one critical
/// URI SAN, no DNS name. Everything lies in a directory of its own, which goes with it.
/// </summary>
internal sealed class TestCa : IDisposable
{
    public const string SpiffeId = "spiffe://public/ns/default/app1";

    private const string IssuerExtensions =
        "keyUsage=critical,digitalSignature,keyCertSign,cRLSign\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n";

    private readonly string _directory = Directory.CreateTempSubdirectory("fastsidecar-tls-").FullName;
    private int _names;

    public TestCa(KeyKind kind, string issuerExtensions = IssuerExtensions)
    {
        Root = new TestLeaf(Path("ca"), Path("ca"));
        MakeKey(kind, Root.KeyFile);
        OpenSsl.Run(
            "req", "-x509", "-new", "-key", Root.KeyFile, "-out", Root.CertificateFile, "-days", "365", "-subj", "/O=localhost",
            "-config", Write(
                "[req]\ndistinguished_name=dn\nx509_extensions=v3\nprompt=no\n[dn]\nO=localhost\n"
                + "[v3]\nkeyUsage=critical,digitalSignature,keyCertSign\nbasicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=hash\n"));
        Issuer = Sign(Root, kind, "/O=spiffe:\\/\\/localhost\\/ns\\/default\\/dapr-sentry", issuerExtensions);
    }

    public TestLeaf Root { get; }

    public TestLeaf Issuer { get; }

    /// <summary>A workload's certificate, signed by the issuer.</summary>
    public TestLeaf Issue(
        KeyKind kind, string spiffeId = SpiffeId, string extendedKeyUsage = "serverAuth,clientAuth", int days = 1) =>
        Sign(
            Issuer,
            kind,
            "/",
            "keyUsage=critical,digitalSignature\nauthorityKeyIdentifier=keyid\n"
            + (extendedKeyUsage.Length == 0 ? "" : $"extendedKeyUsage={extendedKeyUsage}\n")
            + $"subjectAltName=critical,URI:{spiffeId}\n",
            days);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private TestLeaf Sign(TestLeaf signer, KeyKind kind, string subject, string extensions, int days = 30)
    {
        var leaf = new TestLeaf(Path($"leaf{++_names}"), signer.CertificateFile[..^4]);
        var request = leaf.KeyFile + ".csr";
        MakeKey(kind, leaf.KeyFile);
        OpenSsl.Run(
            "req", "-new", "-key", leaf.KeyFile, "-out", request, "-subj", subject,
            "-config", Write("[req]\ndistinguished_name=dn\n[dn]\n"));
        OpenSsl.Run(
            "x509", "-req", "-in", request, "-out", leaf.CertificateFile, "-CA", signer.CertificateFile, "-CAkey", signer.KeyFile,
            "-CAcreateserial", "-days", $"{days}", "-extfile", Write(extensions));
        return leaf;
    }

    private static void MakeKey(KeyKind kind, string file)
    {
        if (kind == KeyKind.Ed25519)
        {
            OpenSsl.Run("genpkey", "-algorithm", "ed25519", "-out", file);
        }
        else
        {
            OpenSsl.Run("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", file);
        }
    }

    private string Path(string name) => System.IO.Path.Combine(_directory, name);

    private string Write(string text)
    {
        var file = Path($"config{++_names}");
        File.WriteAllText(file, text);
        return file;
    }
}

/// <summary>A certificate and its key as PEM files, and the certificate that signed it.</summary>
internal sealed record TestLeaf(string Name, string IssuerName)
{
    public string CertificateFile => Name + ".crt";

    public string KeyFile => Name + ".key";

    public string IssuerFile => IssuerName + ".crt";
}
