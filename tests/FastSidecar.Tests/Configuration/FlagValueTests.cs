using FastSidecar.Configuration;
using FastSidecar.Configuration.Flags;
using Xunit;

namespace FastSidecar.Tests.Configuration;

public sealed class FlagValueTests
{
    [Theory]
    [InlineData("4Mi", 4194304)]
    [InlineData("16Ki", 16384)]
    [InlineData("1.5Ki", 1536)]
    [InlineData("2k", 2000)]
    [InlineData("1e3", 1000)]
    [InlineData("1E3", 1000)]
    [InlineData("1E", 1000000000000000000)]
    [InlineData("12345", 12345)]
    [InlineData("-5", -5)]
    [InlineData("+5", 5)]
    [InlineData("0", 0)]
    [InlineData("Ki", 0)]
    [InlineData("1000m", 1)]
    [InlineData("007", 7)]
    public void Quantity_Bytes(string text, long expected)
    {
        Assert.True(Quantity.TryParseBytes(text, out var bytes, out _));
        Assert.Equal(expected, bytes);
    }

    [Theory]
    [InlineData("", "quantities must match")]
    [InlineData("4KB", "quantities must match")]
    [InlineData("abc", "quantities must match")]
    [InlineData("1.2.3", "quantities must match")]
    [InlineData("4 Mi", "quantities must match")]
    [InlineData("4K", "unable to parse quantity's suffix")]
    [InlineData("4iK", "unable to parse quantity's suffix")]
    [InlineData("1500m", "cannot get bytes")]
    [InlineData("99E", "cannot get bytes")]
    [InlineData("99999999999999999999999999999999", "cannot get bytes")]
    [InlineData("1e-3", "cannot get bytes")]
    public void Quantity_Refused(string text, string reason)
    {
        Assert.False(Quantity.TryParseBytes(text, out _, out var error));
        Assert.StartsWith(reason, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0", 0)]
    [InlineData("1h2m3.5s", 3723500)]
    [InlineData("-1.5s", -1500)]
    [InlineData("+5ms", 5)]
    [InlineData(".5s", 500)]
    [InlineData("1m1ms", 60001)]
    public void Duration_Milliseconds(string text, double expected)
    {
        Assert.True(GoDuration.TryParse(text, out var value, out _));
        Assert.Equal(expected, value.TotalMilliseconds);
    }

    [Theory]
    [InlineData("", "time: invalid duration \"\"")]
    [InlineData("5", "time: missing unit in duration \"5\"")]
    [InlineData("5d", "time: unknown unit \"d\" in duration \"5d\"")]
    [InlineData("s", "time: invalid duration \"s\"")]
    [InlineData("1.2.3s", "time: invalid duration \"1.2.3s\"")]
    [InlineData("9999999999h", "time: invalid duration \"9999999999h\"")]
    public void Duration_Refused(string text, string expected)
    {
        Assert.False(GoDuration.TryParse(text, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(2, "2ms")]
    [InlineData(1500, "1.5s")]
    [InlineData(30000, "30s")]
    [InlineData(3600000, "1h0m0s")]
    [InlineData(90061001, "25h1m1.001s")]
    [InlineData(-500, "-500ms")]
    public void Duration_WrittenAsGoDoes(int milliseconds, string expected) =>
        Assert.Equal(expected, GoDuration.Format(TimeSpan.FromMilliseconds(milliseconds)));

    [Theory]
    [InlineData("0x10", 16)]
    [InlineData("-0b11", -3)]
    [InlineData("0o17", 15)]
    [InlineData("017", 15)]
    [InlineData("1_000", 1000)]
    [InlineData("0", 0)]
    [InlineData("-9223372036854775808", long.MinValue)]
    public void Integer_GoBases(string text, long expected)
    {
        Assert.True(GoNumber.TryParseInt(text, out var value, out _));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("", "strconv.ParseInt: parsing \"\": invalid syntax")]
    [InlineData("1_", "strconv.ParseInt: parsing \"1_\": invalid syntax")]
    [InlineData("_1", "strconv.ParseInt: parsing \"_1\": invalid syntax")]
    [InlineData("09", "strconv.ParseInt: parsing \"09\": invalid syntax")]
    [InlineData("0x", "strconv.ParseInt: parsing \"0x\": invalid syntax")]
    [InlineData("--10", "strconv.ParseInt: parsing \"--10\": invalid syntax")]
    [InlineData("9223372036854775808", "strconv.ParseInt: parsing \"9223372036854775808\": value out of range")]
    public void Integer_Refused(string text, string expected)
    {
        Assert.False(GoNumber.TryParseInt(text, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("a,b", "a|b")]
    [InlineData("", "")]
    [InlineData("a,", "a|")]
    [InlineData("\"a,b\",c", "a,b|c")]
    [InlineData("\"a\"\"b\"", "a\"b")]
    public void List_CommaSeparated(string text, string expected)
    {
        Assert.True(GoCsv.TryParse(text, out var fields, out _));
        Assert.Equal(expected, string.Join('|', fields));
    }

    [Theory]
    [InlineData("a\"b", "parse error on line 1, column 2: bare \" in non-quoted field")]
    [InlineData("\"a", "parse error on line 1, column 2: extraneous or missing \" in quoted-field")]
    public void List_Refused(string text, string expected)
    {
        Assert.False(GoCsv.TryParse(text, out _, out var error));
        Assert.Equal(expected, error);
    }

    [Theory]
    [InlineData("--app-id", "flag needs an argument: --app-id")]
    [InlineData("---x", "bad flag syntax: ---x")]
    [InlineData("--=x", "bad flag syntax: --=x")]
    [InlineData("-x", "unknown shorthand flag: 'x' in -x")]
    [InlineData("-nonsense", "unknown flag: --nonsense")]
    [InlineData(
        "--app-max-concurrency x",
        "invalid argument \"x\" for \"--app-max-concurrency\" flag: strconv.ParseInt: parsing \"x\": invalid syntax")]
    [InlineData(
        "--scheduler-job-streams -1",
        "invalid argument \"-1\" for \"--scheduler-job-streams\" flag: strconv.ParseUint: parsing \"-1\": invalid syntax")]
    [InlineData(
        "--dapr-block-shutdown-duration 5",
        "invalid argument \"5\" for \"--dapr-block-shutdown-duration\" flag: time: missing unit in duration \"5\"")]
    public void BadFlag_UsageThenReasonAndTwo(string words, string expected)
    {
        var (result, error) = Read(words);

        Assert.Equal((CommandLineAction.Exit, 2), (result.Action, result.ExitCode));
        Assert.StartsWith("Usage of daprd:\n", error, StringComparison.Ordinal);
        Assert.EndsWith($"\n{expected}\n", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Flags_EveryForm()
    {
        var (result, error) = Read(
            "-app-id a --app-port=5 word --enable-mtls --enable-metrics=false --profile-port -1 --config a,b --config c --app-id b -- --nonsense");

        Assert.Equal("", error);
        var options = result.Options!;
        Assert.Equal(
            ("b", 5, true, false, -1),
            (options.AppId, options.AppPort, options.MtlsEnabled, options.MetricsEnabled, options.ProfilePort));
        Assert.Equal(["a", "b", "c"], options.ConfigPaths.ToArray());
    }

    [Fact]
    public void Environment_UsedWhereFlagIsAbsent()
    {
        var environment = new EnvironmentVariables(new Dictionary<string, string>
        {
            ["NAMESPACE"] = "",
            ["DAPR_CONTROLPLANE_TRUST_DOMAIN"] = "td",
            ["DAPR_CONTROLPLANE_NAMESPACE"] = "ns",
            ["DAPR_HTTP_DISABLE_H2C"] = " Yes ",
        });
        var options = CommandLine.Read(["--control-plane-namespace", "flag"], environment, "h", asDaprd: true, TextWriter.Null).Options!;

        Assert.Equal(
            ("", "td", "flag", true),
            (options.Namespace, options.ControlPlaneTrustDomain, options.ControlPlaneNamespace, environment.HttpH2cDisabled));
        Assert.Equal("default", new EnvironmentVariables(new Dictionary<string, string>()).Namespace);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("--enable-api-logging", true)]
    [InlineData("--enable-api-logging=false", false)]
    public void ApiLogging_ThreeStates(string words, bool? expected) => Assert.Equal(expected, Read(words).Result.Options!.ApiLogging);

    [Theory]
    [InlineData("", SidecarOptions.DefaultMaxBodyBytes)]
    [InlineData("--max-body-size 1Ki --dapr-http-max-request-size 2", 1024)]
    [InlineData("--dapr-http-max-request-size 2", 2 << 20)]
    [InlineData("--dapr-http-max-request-size -1", SidecarOptions.DefaultMaxBodyBytes)]
    [InlineData("--dapr-http-max-request-size 0", 0)]
    [InlineData("--max-body-size -1", SidecarOptions.DefaultMaxBodyBytes)]
    public void MaxBodySize_QuantityWins(string words, long expected) => Assert.Equal(expected, Read(words).Result.Options!.MaxBodyBytes);

    private static (CommandLineResult Result, string Error) Read(string words)
    {
        var error = new StringWriter();
        var args = words.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var environment = new EnvironmentVariables(new Dictionary<string, string>());
        return (CommandLine.Read(args, environment, "h", asDaprd: true, error), error.ToString());
    }
}
