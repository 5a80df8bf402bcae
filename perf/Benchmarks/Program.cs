using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using FastSidecar.Benchmarks;

const int LongestName = 40;

// In this process: a project generated elsewhere would not be built with this repository's settings, and could not see what is internal.
var job = Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance);
BenchmarkSwitcher.FromTypes([typeof(OperationBenchmarks)]).Run(
    args.Length > 0 ? args : ["--filter", "*"],
    DefaultConfig.Instance.AddJob(job).HideColumns(Column.Job)
        .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(LongestName)));
