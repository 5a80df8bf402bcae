using FastSidecar.Transport.Http2.FlowControl;
using FastSidecar.Transport.Http2.Frames;

namespace FastSidecar.Transport.Http2;

/// <summary>Settings that can be announced (RFC 9113 §6.5.2).</summary>
[Flags]
public enum Http2AnnouncedSettings
{
    /// <summary>An empty SETTINGS frame, as daprd's client sends: the protocol's defaults hold, whatever the options say.</summary>
    None = 0,
    EnablePush = 1,
    MaxConcurrentStreams = 2,
    InitialWindowSize = 4,
    MaxFrameSize = 8,
    MaxHeaderListSize = 16,
    All = 31,
}

/// <summary>Settings and limits of one HTTP/2 connection. The defaults are those of the sidecar-to-sidecar wire.</summary>
/// <remarks>
/// What one connection may cost in memory: <see cref="StreamWindowBytes"/> for each open stream whose reader is slow, up to
/// <see cref="MaxStreamWindowBytes"/> where it was fast before (bounded over all connections by <see cref="ReceiveBudget"/>), one header block of up to <see cref="MaxHeaderListBytes"/> while it arrives, about 5 KiB for each of up to
/// 128 idle stream objects, 64 KiB of output that the socket has not taken, and two HPACK tables of 4 KiB.
/// </remarks>
public sealed record Http2Options
{
    /// <summary>
    /// Initial window of each stream that we announce, in bytes (RFC 9113 §6.5.2). The default is the protocol's, as daprd announces it.
    /// </summary>
    public int StreamWindowBytes { get; init; } = Window.InitialBytes;

    /// <summary>
    /// The window, in bytes, that a stream grows to while its reader takes what comes without delay; below
    /// <see cref="StreamWindowBytes"/>: none grows.
    /// </summary>
    public int MaxStreamWindowBytes { get; init; } = 256 * 1024;

    /// <summary>Window of the connection that we announce, in bytes; not below 65,535, where every connection starts.</summary>
    public int ConnectionWindowBytes { get; init; } = 1024 * 1024;

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS that a server announces; more are refused.</summary>
    public int MaxConcurrentStreams { get; init; } = 1000;

    /// <summary>SETTINGS_MAX_FRAME_SIZE that we announce, in bytes.</summary>
    public int MaxFrameBytes { get; init; } = 16 * 1024;

    /// <summary>
    /// SETTINGS_MAX_HEADER_LIST_SIZE that we announce and enforce, in bytes (each field counts 32 bytes more, RFC 9113 §6.5.2).
    /// </summary>
    public int MaxHeaderListBytes { get; init; } = 4096 << 10;

    /// <summary>
    /// Which settings leave in our first SETTINGS frame; null: those that differ from the protocol's defaults. One that is not announced is
    /// not in force either, limits on header lists and streams apart.
    /// </summary>
    public Http2AnnouncedSettings? Announce { get; init; }

    /// <summary>
    /// A client takes a content-length that is not that of the body for an error (RFC 9113 §8.1.1). grpc-go does not look at it, so gRPC
    /// apps may send any.
    /// </summary>
    public bool ChecksContentLength { get; init; } = true;

    /// <summary>What a server does with a malformed request head.</summary>
    public MalformedRequestHandling MalformedRequests { get; init; }

    /// <summary>A PING leaves after this long without a byte received; zero switches it off. A client waits at least 10 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The connection is given up when the answer to that PING takes longer.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Server: GOAWAY after this long without a stream; zero switches it off.</summary>
    public TimeSpan MaxIdle { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Server: the client's preface and SETTINGS must have come by then; zero switches it off. The default is grpc-go's.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>A cap on received bytes shared by all connections that are given the same object; null: none.</summary>
    public ReceiveBudget? ReceiveBudget { get; init; }

    /// <summary>Name for logs: the peer's address.</summary>
    public string PeerName { get; init; } = "";

    /// <summary>Every value that HTTP/2 does not allow.</summary>
    public IReadOnlyList<string> Validate()
    {
        List<string> problems = [];
        Require(StreamWindowBytes >= 0, $"{nameof(StreamWindowBytes)} is {StreamWindowBytes}, at least 0 is needed");
        Require(
            ConnectionWindowBytes >= Window.InitialBytes,
            $"{nameof(ConnectionWindowBytes)} is {ConnectionWindowBytes}, at least {Window.InitialBytes} is needed");
        Require(MaxConcurrentStreams > 0, $"{nameof(MaxConcurrentStreams)} is {MaxConcurrentStreams}, at least 1 is needed");
        Require(
            MaxFrameBytes is >= FrameHeader.DefaultMaxLength and <= FrameHeader.MaxLength,
            $"{nameof(MaxFrameBytes)} is {MaxFrameBytes}, it must be from {FrameHeader.DefaultMaxLength} to {FrameHeader.MaxLength}");
        Require(MaxHeaderListBytes > 0, $"{nameof(MaxHeaderListBytes)} is {MaxHeaderListBytes}, at least 1 is needed");
        Require(KeepAliveInterval >= TimeSpan.Zero, $"{nameof(KeepAliveInterval)} is negative");
        Require(KeepAliveInterval == TimeSpan.Zero || KeepAliveTimeout > TimeSpan.Zero, $"{nameof(KeepAliveTimeout)} is not positive");
        Require(MaxIdle >= TimeSpan.Zero, $"{nameof(MaxIdle)} is negative");
        Require(HandshakeTimeout >= TimeSpan.Zero, $"{nameof(HandshakeTimeout)} is negative");
        return problems;

        void Require(bool isRight, string problem)
        {
            if (!isRight)
            {
                problems.Add(problem);
            }
        }
    }
}
