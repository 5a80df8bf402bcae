namespace FastSidecar.Commands.Bench;

/// <summary>The same load on the two ways.</summary>
internal sealed class LoadPair(LoadRun direct, LoadRun through)
{
    public LoadRun Direct => direct;

    public LoadRun Through => through;
}

/// <summary>What is compared with each other: the two ways at the rate, and as fast as answers come.</summary>
internal sealed class BenchBlock(LoadPair rate, LoadPair closed)
{
    public LoadPair Rate => rate;

    public LoadPair Closed => closed;
}
