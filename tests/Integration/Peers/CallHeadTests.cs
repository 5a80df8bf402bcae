using System.Text.Json.Nodes;
using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using FastSidecar.Tests.Shared;
using Xunit;

namespace FastSidecar.Integration.Peers;

/// <summary>
/// What the HEADERS of a call can demand of the callee's sidecar, where no recording says it (grpc-go internal/transport/http2_server.go).
/// </summary>
public sealed class CallHeadTests(ScriptedAppPair pair) : PairTests<ScriptedAppPair>(pair)
{
    [Theory]
    [InlineData("grpc-timeout", "1x", "malformed grpc-timeout: transport: timeout unit is not recognized: \"1x\"")]
    [InlineData("grpc-timeout", "", "malformed grpc-timeout: transport: timeout string is too short: \"\"")]
    [InlineData("foo-bin", "%%%", "malformed binary metadata \"%25%25%25\" in header \"foo-bin\": illegal base64 data at input byte 0")]
    public async Task UnreadableField_Is400(string name, string value, string text)
    {
        using var client = await CallAsync((name, value));

        Assert.True(client.TrailersOnly);
        Assert.Equal("400", client.Fields[":status"]);
        Assert.Equal("13", client.Fields["grpc-status"]);
        Assert.Equal(text, client.Fields["grpc-message"]);
    }

    [Fact]
    public async Task Deadline_EndsTheCallAndTheAppsConnection()
    {
        var appSawEnd = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await Pair.Scripted.PlayAsync(async connection =>
        {
            await connection.ToEndAsync();
            appSawEnd.TrySetResult();
        });
        var clock = new FairClock();
        using var client = await CallAsync(("grpc-timeout", "500m"));

        Assert.Equal(RecordedSteps.ErrorCode("CANCEL"), client.ResetCode);
        Assert.True(clock.Elapsed > TimeSpan.FromMilliseconds(450) && clock.Fair < TimeSpan.FromSeconds(3), $"{clock}");
        await appSawEnd.Task.Within("the end of the app's connection");
    }

    private async Task<RecordedClient> CallAsync((string Name, string Value) field)
    {
        var headers = PeerMessages.RequestHead().Append(field).Select(static pair => (JsonNode)new JsonArray(pair.Name, pair.Value));
        var message = Convert.ToHexString(PeerMessages.FirstRequest("m", "abc"));
        var steps = new JsonArray(
            new JsonObject { ["headers"] = new JsonArray([.. headers]) },
            new JsonObject { ["message"] = new JsonArray(message) },
            new JsonObject { ["end"] = true });
        var client = await RecordedClient.ConnectAsync(Pair.ScriptedCallee.InternalPort);
        await client.RunAsync(steps, RecordedClient.EndPatience).Within("the answer");
        return client;
    }
}
