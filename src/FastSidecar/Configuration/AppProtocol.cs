namespace FastSidecar.Configuration;

/// <summary>What the app speaks (<c>--app-protocol</c>).</summary>
internal enum AppProtocol
{
    Http,
    Https,
    H2c,
    Grpc,
    Grpcs,
}
