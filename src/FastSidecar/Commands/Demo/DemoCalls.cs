using System.Net.Sockets;
using System.Text;

namespace FastSidecar.Commands.Demo;

/// <summary>A call of the demo: which sidecar is asked, and how the target is named.</summary>
internal sealed record DemoCall(string Title, DemoSidecar From, string Target, string HeaderName, string HeaderValue, DemoSighting Expected);

/// <summary>The three ways of naming a target, and the way back; each is checked by what the called app saw.</summary>
internal sealed class DemoCalls(DemoMesh mesh, DemoReport report, TimeProvider time)
{
    public async Task RunAsync(CancellationToken interrupted)
    {
        report.CallsBegin();
        foreach (var call in Calls())
        {
            await RunAsync(call, interrupted);
        }
    }

    private DemoCall[] Calls()
    {
        var basic = Convert.ToBase64String("dapr-app-id:warehouse"u8);
        return
        [
            new DemoCall("by path", mesh.Shop, "/v1.0/invoke/warehouse/method/reserve?order=1", "", "", Seen("warehouse", "/reserve?order=1", "shop", 1)),
            new DemoCall("by header", mesh.Shop, "/reserve?order=2", "dapr-app-id", "warehouse", Seen("warehouse", "/reserve?order=2", "shop", 2)),
            new DemoCall("by user name", mesh.Shop, "/reserve?order=3", "Authorization", $"Basic {basic}", Seen("warehouse", "/reserve?order=3", "shop", 3)),
            new DemoCall("and back", mesh.Warehouse, "/v1.0/invoke/shop/method/shipped?order=1", "", "", Seen("shop", "/shipped?order=1", "warehouse", 4)),
        ];
    }

    private static DemoSighting Seen(string app, string target, string caller, int number) =>
        new(app, "POST", target, caller, $$"""{"item":"book","count":{{number}}}""");

    private async Task RunAsync(DemoCall call, CancellationToken interrupted)
    {
        var started = time.GetTimestamp();
        var answer = await SendAsync(call, interrupted);
        var took = time.GetElapsedTime(started);
        if (answer.Status != 200)
        {
            throw new DemoException($"POST {call.Target} to the sidecar of {call.From.AppId} was answered with {answer.Status}: {answer.Body}");
        }

        if (!mesh.Sightings.TryRead(out var sighting))
        {
            throw new DemoException(
                $"POST {call.Target} was answered with 200, but no app of this demo saw it: another demo on this machine has apps of the same ids");
        }

        if (sighting != call.Expected)
        {
            throw new DemoException($"POST {call.Target} should have been seen as {call.Expected}, but was seen as {sighting}");
        }

        report.Called(call, answer, took, sighting);
    }

    private static async Task<DemoAnswer> SendAsync(DemoCall call, CancellationToken interrupted)
    {
        try
        {
            return await call.From.Api.SendAsync(
                "POST", call.Target, call.HeaderName, call.HeaderValue, Encoding.UTF8.GetBytes(call.Expected.Body), interrupted);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new DemoException($"POST {call.Target} to the sidecar of {call.From.AppId}: {e.Message}");
        }
    }
}
