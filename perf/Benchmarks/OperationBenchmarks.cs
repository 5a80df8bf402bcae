using BenchmarkDotNet.Attributes;
using FastSidecar.Micro;

namespace FastSidecar.Benchmarks;

/// <summary>Time and managed bytes of each operation of perf/Micro, under the SDK's own runtime.</summary>
[MemoryDiagnoser]
public class OperationBenchmarks
{
    private Operation _operation = null!; // set by SetUp

    [ParamsSource(nameof(Names))]
    public string Name { get; set; } = "";

    public static IEnumerable<string> Names => Operation.All().Select(static operation => operation.Name);

    [GlobalSetup]
    public void SetUp() => _operation = Operation.Named(Name);

    [Benchmark]
    public int Run() => _operation.Run();
}
