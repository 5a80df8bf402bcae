using FastSidecar.Compare;
using Xunit;

namespace FastSidecar.Perf.Tests;

public sealed class SyscallsTests
{
    [Fact]
    public void Perf_ItsCountIsRead() =>
        Assert.Equal(4321, Syscalls.Total("# started on Sat Nov 21 13:53:12 2026\n\n4321,,raw_syscalls:sys_enter,600123,100.00,,\n"));

    [Theory]
    [InlineData("100.00    0.000123           5        24         1 total")]
    [InlineData("100.00    0.000000           0        24           total")]
    public void Strace_ItsTotalIsRead(string last) => Assert.Equal(24, Syscalls.Total(
        "% time     seconds  usecs/call     calls    errors syscall\n"
        + "100.00    0.000000           0         3           read\n------ ----------- ----------- --------- --------- ----------------\n"
        + last + "\n"));

    [Fact]
    public void NotCounted_IsSaid() =>
        Assert.Throws<CompareException>(() => Syscalls.Total("<not counted>,,raw_syscalls:sys_enter,0,100.00,,\n"));
}
