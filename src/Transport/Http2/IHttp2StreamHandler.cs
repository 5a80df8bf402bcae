namespace FastSidecar.Transport.Http2;

/// <summary>
/// Takes the streams that a client opens. Called on the connection's read loop after the batch that completed the request head was parsed.
/// </summary>
public interface IHttp2StreamHandler
{
    /// <summary>
    /// Owns <paramref name="stream"/> from here and must dispose it. Must not block; may run synchronously as long as data is there.
    /// </summary>
    void OnStream(Http2Stream stream);
}
