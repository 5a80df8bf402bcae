using Xunit;

namespace FastSidecar.Transport.Tests.Tls;

/// <summary>A fact that needs the openssl program; counted as skipped, with the reason, where it is missing.</summary>
internal sealed class OpenSslFactAttribute : FactAttribute
{
    public OpenSslFactAttribute() => Skip = OpenSsl.Missing;
}

/// <summary>A theory that needs the openssl program.</summary>
internal sealed class OpenSslTheoryAttribute : TheoryAttribute
{
    public OpenSslTheoryAttribute() => Skip = OpenSsl.Missing;
}
