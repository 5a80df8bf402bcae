namespace FastSidecar.Compare;

/// <summary>What is sent, and how.</summary>
internal sealed record Scenario(string Name, string Title)
{
    public string Method { get; init; } = "GET";

    /// <summary>At the app.</summary>
    public string Path { get; init; } = "/1k";

    public int SendBytes { get; init; }

    /// <summary>The body is streamed, in chunks of so many bytes; 0 sends it with its length.</summary>
    public int ChunkBytes { get; init; }

    public int ExpectStatus { get; init; } = 200;

    public int ExpectBytes { get; init; } = 1024;

    public int Connections { get; init; } = 1;

    /// <summary>Unary gRPC calls instead of HTTP requests: the bodies are messages.</summary>
    public bool Grpc { get; init; }

    /// <summary>gRPC: calls in flight on each connection.</summary>
    public int Streams { get; init; } = 1;

    /// <summary>Requests a second of an open loop; null is a closed one.</summary>
    public int? Rate { get; init; }

    /// <summary>App ids that requests name in turn, where the arm has any.</summary>
    public int Targets { get; init; } = 1;

    /// <summary>
    /// Whether the table claims something about it: then it runs in every block, otherwise in the first three only.
    /// </summary>
    public bool IsClaim { get; init; }

    /// <summary>Whether the short run has it.</summary>
    public bool IsQuick { get; init; }

    /// <summary>Only these arms; null is all.</summary>
    public IReadOnlyList<string>? Arms { get; init; }
}

/// <summary>Every scenario, by the names that reports and claims use.</summary>
internal static class Scenarios
{
    public const string One = "1k-1";
    public const string Sixteen = "1k-16";
    public const string SixtyFour = "1k-64";
    public const string Rate = "1k-at-1000";
    public const string MebibyteDown = "1m-down";
    public const string MebibyteUp = "1m-up";
    public const string Apps10 = "1k-16-apps-10";
    public const string Apps100 = "1k-16-apps-100";
    public const string Connections160 = "1k-160";
    public const string Streams100 = "1k-100";
    public const string Streams1000 = "1k-1000";
    public const string Post1 = "1k-post-1";
    public const string Post16 = "1k-post-16";
    public const string Grpc1 = "grpc-1k-1";
    public const string Grpc16 = "grpc-1k-16";
    public const string GrpcRate = "grpc-1k-at-1000";

    private const int Mebibyte = 1024 * 1024;

    public static readonly IReadOnlyList<Scenario> All =
    [
        new(One, "1 KiB answers, 1 connection, closed loop") { IsClaim = true, IsQuick = true },
        new(Sixteen, "1 KiB answers, 16 connections, closed loop") { Connections = 16, IsClaim = true, IsQuick = true },
        new(SixtyFour, "1 KiB answers, 64 connections, closed loop") { Connections = 64, IsClaim = true, IsQuick = true },
        new(Rate, "1 KiB both ways, 1,000 requests/s over 16 connections, open loop")
        {
            Method = "POST", SendBytes = 1024, Connections = 16, Rate = 1000, IsClaim = true, IsQuick = true,
        },
        new(MebibyteDown, "1 MiB answers, 4 connections, closed loop")
        {
            Path = "/1m", ExpectBytes = Mebibyte, Connections = 4, IsClaim = true, IsQuick = true,
        },
        new(MebibyteUp, "1 MiB uploads, 4 connections, closed loop")
        {
            Method = "PUT", Path = "/store/1m", SendBytes = Mebibyte, ExpectStatus = 204, ExpectBytes = 0, Connections = 4, IsClaim = true,
        },
        new("1m-up-chunked", "1 MiB uploads in chunks of 16 KiB, 4 connections, closed loop")
        {
            Method = "PUT", Path = "/store/1m", SendBytes = Mebibyte, ChunkBytes = 16 * 1024, ExpectStatus = 204, ExpectBytes = 0,
            Connections = 4,
        },
        new("1m-down-chunked", "1 MiB answers that the app sends in chunks, 4 connections, closed loop")
        {
            Path = "/chunked/1m", ExpectBytes = Mebibyte, Connections = 4,
        },
        new("0-16", "empty answers, 16 connections, closed loop") { Path = "/0", ExpectBytes = 0, Connections = 16 },
        new("64k-16", "64 KiB answers, 16 connections, closed loop") { Path = "/64k", ExpectBytes = 64 * 1024, Connections = 16 },
        new("1k-256", "1 KiB answers, 256 connections, closed loop") { Connections = 256 },
        new(Apps10, "1 KiB answers, 16 connections, closed loop, 10 app ids in turn")
        {
            Connections = 16, Targets = 10, IsClaim = true, Arms = ["fastsidecar"],
        },
        new(Apps100, "1 KiB answers, 16 connections, closed loop, 100 app ids in turn")
        {
            Connections = 16, Targets = 100, IsClaim = true, Arms = ["fastsidecar"],
        },
        new(Connections160, "1 KiB answers, 160 connections, closed loop") { Connections = 160, IsClaim = true, Arms = ["fastsidecar"] },
        new(Streams100, "1 KiB answers, 100 connections, closed loop") { Connections = 100, IsClaim = true, Arms = ["fastsidecar"] },
        new(Streams1000, "1 KiB answers, 1,000 connections, closed loop") { Connections = 1000, IsClaim = true, Arms = ["fastsidecar"] },
        new(Post1, "1 KiB both ways, 1 connection, closed loop")
        {
            Method = "POST", SendBytes = 1024, IsClaim = true, Arms = ["fastsidecar"],
        },
        new(Post16, "1 KiB both ways, 16 connections, closed loop")
        {
            Method = "POST", SendBytes = 1024, Connections = 16, IsClaim = true, IsQuick = true, Arms = ["fastsidecar"],
        },
        Call(Grpc1, "1 connection, closed loop") with { IsClaim = true, IsQuick = true },
        Call(Grpc16, "16 connections, closed loop") with { Connections = 16, IsClaim = true, IsQuick = true },
        Call("grpc-1k-1x16", "16 in flight on 1 connection, closed loop") with { Streams = 16 },
        Call("grpc-1k-4x16", "64 in flight on 4 connections, closed loop") with { Connections = 4, Streams = 16 },
        Call(GrpcRate, "1,000 calls/s over 16 connections, open loop") with { Connections = 16, Rate = 1000, IsClaim = true, IsQuick = true },
    ];

    /// <summary>The method that the app answers.</summary>
    public const string GrpcPath = "/perf.Echo/Unary";

    private static Scenario Call(string name, string how) =>
        new(name, $"unary gRPC, 1 KiB both ways, {how}") { Grpc = true, Method = "POST", Path = GrpcPath, SendBytes = 1024, ExpectStatus = 0 };
}
