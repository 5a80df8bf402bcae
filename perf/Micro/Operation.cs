using FastSidecar.Micro.Operations;

namespace FastSidecar.Micro;

/// <summary>
/// What one request makes a hot type do, in the steady state: everything that only a connection's first request costs is done when the
/// object is made. Counted under callgrind by tests/Budgets, timed by perf/Benchmarks, and its result checked by a test.
/// </summary>
internal abstract class Operation(string name, string title)
{
    /// <summary>Its name in perf/budgets.json.</summary>
    public string Name { get; } = name;

    public string Title { get; } = title;

    /// <summary>Does it once. The number depends on the result, so that nothing can be left out.</summary>
    public abstract int Run();

    /// <summary>Does it once more and says what came of it, for a test to compare.</summary>
    public abstract string Result();

    public int Repeat(int times)
    {
        var sum = 0;
        for (var i = 0; i < times; i++)
        {
            sum += Run();
        }

        return sum;
    }

    public static IReadOnlyList<Operation> All() =>
    [
        new HpackEncode("hpack-encode", "HPACK: a peer request's head", PeerHeads.Same),
        new HpackEncode("hpack-encode-traced", "HPACK: a peer request's head with a new trace", PeerHeads.Traced),
        new HpackDecode("hpack-decode", "HPACK: a peer request's block", PeerHeads.Same),
        new HpackDecode("hpack-decode-traced", "HPACK: a peer request's block with a new trace", PeerHeads.Traced),
        new FramesRead(),
        new FramesWrite(),
        new RequestEncode(),
        new RequestDecode(),
        new ResponseEncode(),
        new ResponseDecode(),
        new MethodNormal(),
        new PathClean(),
        new PathInvoke(),
        new ResolverHit(),
    ];

    public static Operation Named(string name) =>
        All().FirstOrDefault(operation => operation.Name == name)
        ?? throw new ArgumentException($"there is no operation {name}", nameof(name));
}
