using System.Text;
using FastSidecar.Commands;
using FastSidecar.Configuration;
using FastSidecar.Configuration.Flags;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Tests.Commands;

public sealed class RunPlanTests
{
    private static readonly EnvironmentVariables HomeOnly = new(new Dictionary<string, string> { ["HOME"] = "/home/u" });

    [Fact]
    public void OnlyACommand_RandomPortsAndName()
    {
        var plan = Plan("-- node app.js --x");

        Assert.Equal(["node", "app.js", "--x"], plan.AppCommand);
        Assert.Matches("^[a-z]+-[a-z]+$", plan.AppId);
        Assert.Equal(
            $"--app-protocol http --log-level info --app-max-concurrency -1 --max-body-size 4Mi --read-buffer-size 4Ki --app-id {plan.AppId} "
            + "--dapr-http-port 40001 --dapr-grpc-port 40002 --profile-port -1 --metrics-port 40004 --dapr-internal-grpc-port 40003",
            string.Join(' ', plan.SidecarArguments));
        Assert.False(plan.AppVariables.ContainsKey("APP_PORT"));
    }

    [Fact]
    public void Shorthands_AndEverythingGiven()
    {
        var plan = Plan(
            "-a b -p 5000 -P=grpc -H3600 -G 50002 -I 50003 -M 9091 -c c.yaml --resources-path r1,r2 --resources-path r3 --enable-api-logging "
            + "--enable-app-health-check --app-health-probe-interval 7 --app-max-concurrency=3 --mdns-interface lo --log-as-json -u /tmp/s "
            + "--replay-buffer-size 1Mi x");

        Assert.Equal(
            "--config c.yaml --app-protocol grpc --log-level info --app-max-concurrency 3 --resources-path r1 --resources-path r2 --resources-path r3 "
            + "--max-body-size 4Mi --read-buffer-size 4Ki --enable-app-health-check --app-health-probe-interval 7 --enable-api-logging --app-id b "
            + "--app-port 5000 --dapr-http-port 3600 --dapr-grpc-port 50002 --profile-port -1 --metrics-port 9091 --unix-domain-socket /tmp/s "
            + "--dapr-internal-grpc-port 50003 --log-as-json --mdns-interface lo --replay-buffer-size 1Mi",
            string.Join(' ', plan.SidecarArguments));
        Assert.Equal("/tmp/s/dapr-b-http.socket", plan.HttpSocketPath);
        Assert.Equal(
            "APP_CHANNEL_ADDRESS=127.0.0.1 APP_ID=b APP_PORT=5000 APP_PROTOCOL=grpc DAPR_GRPC_PORT=50002 DAPR_HTTP_PORT=3600 "
            + "DAPR_METRICS_PORT=9091",
            string.Join(' ', plan.AppVariables.Select(static v => $"{v.Key}={v.Value}").Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void RuntimeFolder_UsedWhereNothingIsNamed()
    {
        var plan = Plan("-a b x", static path => path is "/home/u/.dapr/config.yaml" or "/home/u/.dapr/components");

        Assert.StartsWith("--config /home/u/.dapr/config.yaml ", string.Join(' ', plan.SidecarArguments), StringComparison.Ordinal);
        Assert.Contains("--resources-path /home/u/.dapr/components", string.Join(' ', plan.SidecarArguments), StringComparison.Ordinal);
    }

    /// <summary>What run hands on is what the sidecar reads.</summary>
    [Fact]
    public void SidecarArguments_AreReadBack()
    {
        var plan = Plan("-a b -p 5000 --enable-profiling --profile-port 7000 x");
        var error = new StringWriter();

        var options = CommandLine.Read(plan.SidecarArguments, HomeOnly, "h", asDaprd: true, error).Options!;

        Assert.Equal("", error.ToString());
        Assert.Empty(options.Validate());
        Assert.Equal(
            ("b", 5000, plan.HttpPort, 7000, true),
            (options.AppId, options.AppPort, options.HttpPort, options.ProfilePort, options.ProfilingEnabled));
    }

    [Theory]
    [InlineData("one\ntwo\n", "> one\n> two\n")]
    [InlineData("no end", "> no end\n")]
    [InlineData("", "")]
    [InlineData("\n\n", "> \n> \n")]
    public async Task AppOutput_PrefixOnEveryLine(string output, string expected)
    {
        // One byte per read, and everything at once.
        Assert.Equal(expected, await PrefixAsync(new TrickleStream(Encoding.UTF8.GetBytes(output), 1)));
        Assert.Equal(expected, await PrefixAsync(new TrickleStream(Encoding.UTF8.GetBytes(output), int.MaxValue)));
    }

    [Fact]
    public async Task EndlessLine_CutInPieces()
    {
        var written = await PrefixAsync(new TrickleStream(new byte[200_000], 50_000));

        Assert.Equal(200_000, written.Count(static c => c == '\0'));
        Assert.All(written.Split('\n', StringSplitOptions.RemoveEmptyEntries), static line => Assert.True(line.Length <= 64 * 1024 + 2));
    }

    private static async Task<string> PrefixAsync(Stream source)
    {
        var target = new MemoryStream();
        await LinePrefix.CopyAsync(source, target, "> "u8.ToArray(), new Lock()).Within("copying");
        return Encoding.UTF8.GetString(target.ToArray());
    }

    private static RunPlan Plan(string words, Func<string, bool>? exists = null)
    {
        var flags = new RunFlags();
        var error = new StringWriter();
        Assert.Equal((FlagReadResult.Ok, ""), (flags.Set.Read(words.Split(' '), error), error.ToString()));
        var port = 40000;
        return RunPlan.Make(flags, HomeOnly, () => ++port, exists ?? (static _ => false), new Random(1));
    }

    private sealed class TrickleStream(byte[] content, int perRead) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(perRead, buffer.Length)], cancellationToken);
    }
}
