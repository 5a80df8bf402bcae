using FastSidecar.Transport.Headers;

namespace FastSidecar.Transport.Http2;

/// <summary>
/// The HTTP/1.1 request that a client asked for HTTP/2 with (<c>Upgrade: h2c</c>): it becomes stream 1, whose client side has ended (RFC
/// 7540 §3.2). The bytes must not change after it was handed over.
/// </summary>
/// <param name="Head">As an HTTP/2 request head: pseudo-headers first, names in lower case.</param>
/// <param name="Body">All of it. It is not counted against windows, so whoever makes the request bounds it.</param>
/// <param name="Settings">The payload of HTTP2-Settings: a SETTINGS frame without its header, acknowledged by the 101 (RFC 7540 §3.2.1).</param>
public sealed record UpgradedRequest(HeaderList Head, ReadOnlyMemory<byte> Body, ReadOnlyMemory<byte> Settings);
