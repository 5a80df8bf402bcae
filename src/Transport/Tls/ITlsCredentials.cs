using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace FastSidecar.Transport.Tls;

/// <summary>
/// Who we are and whom we accept on a TLS connection. The program implements it with its workload identity; null in its place means
/// cleartext.
/// </summary>
/// <remarks>
/// <para>
/// Asked anew for every handshake, so a renewed certificate serves the next one; nothing here waits or does I/O. The options are a fresh
/// object that belongs to the connection. They hold certificate, roots and verdict. The connection adds what is the same for all: host name
/// (SNI), TLS versions, suites, h2 as the only protocol, and no resumption. It refuses a peer that has not selected h2, because SslStream
/// does not.
/// </para>
/// <para>
/// The certificate is given as an <see cref="SslStreamCertificateContext"/>, made once for a certificate with its issuer: with a bare
/// certificate the issuer would not be sent. The runtime has no Ed25519 private keys, so it is a P-256 (or RSA) one; peers and issuers may
/// be Ed25519. The verdict is a <see cref="RemoteCertificateValidationCallback"/> behind a chain policy with our roots only. docs/tls.md
/// has what was tried.
/// </para>
/// </remarks>
public interface ITlsCredentials
{
    /// <summary>Distinguishes credentials in a channel key: connections made under one identity never serve another.</summary>
    string Identity { get; }

    /// <summary>Options of a handshake as client with the peer whose SPIFFE id path must be <paramref name="expectedPeer"/>.</summary>
    SslClientAuthenticationOptions ForClient(string expectedPeer);

    /// <summary>Options of a handshake as server: a client without an acceptable certificate fails it.</summary>
    SslServerAuthenticationOptions ForServer();

    /// <summary>
    /// The SPIFFE id proven by a certificate that the verdict of a handshake accepted: what the program knows of a caller. Null where it
    /// has none, which a server refuses like a failed handshake. The certificate belongs to the connection.
    /// </summary>
    string? PeerOf(X509Certificate2 certificate);
}
