using System.Net.Security;

namespace FastSidecar.Transport.Tls;

/// <summary>
/// Who we are and whom we accept on a TLS connection. The program implements it with its workload identity; null in its place means cleartext.
/// </summary>
public interface ITlsCredentials
{
    /// <summary>Distinguishes credentials in a channel key: connections made under one identity never serve another.</summary>
    string Identity { get; }

    /// <summary>Options of a handshake as client with the peer whose SPIFFE id path must be <paramref name="expectedPeer"/>.</summary>
    SslClientAuthenticationOptions ForClient(string expectedPeer);

    /// <summary>Options of a handshake as server.</summary>
    SslServerAuthenticationOptions ForServer();
}
