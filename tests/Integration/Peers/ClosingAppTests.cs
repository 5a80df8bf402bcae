using System.Collections.Concurrent;
using System.Text;
using FastSidecar.Integration.BadInput;
using FastSidecar.Integration.Shared;
using Xunit;

namespace FastSidecar.Integration.Peers;

/// <summary>
/// An app that ends every connection right after its answer and does not announce it. The sidecar has put the connection back into its pool by
/// then, perhaps into the hands of the next request, which the app never reads: it is sent again on another connection. None is sent twice that
/// the app may have read: a request that reached its kernel between answer and close is reset, which nobody can tell from an app that broke down
/// over it, so only a safe method without a body is repeated then, as by Go's client.
/// </summary>
public sealed class ClosingAppTests(ScriptedAppPair pair) : PairTests<ScriptedAppPair>(pair)
{
    private const int Clients = 16;
    private const int CallsOfEach = 60;

    /// <summary>
    /// Half of the clients go through both sidecars, the others straight to the app's own. How many POSTs are reset is the app's scheduling between
    /// its answer and its close, and says little of the sidecar (two in a hundred on an idle machine; half of them would be an app nobody can call): that
    /// each which can be sent again is, is what IdleConnectionClosedTests show.
    /// </summary>
    [Theory]
    [InlineData("GET", "", false)]
    [InlineData("POST", "Content-Length: 5\r\n\r\nhello", true)]
    [InlineData("POST", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", true)]
    public async Task EveryCallReachesTheAppOnce_OrIsAResetThatMayNotBeRepeated(string verb, string framingAndBody, bool mayBeReset)
    {
        var seen = new ConcurrentDictionary<string, int>();
        await Pair.Scripted.PlayAsync(async connection =>
        {
            if (!await connection.ReceivedAsync("\r\n\r\n"))
            {
                return;
            }

            var line = Encoding.Latin1.GetString(connection.Received[..connection.Received.IndexOf((byte)'\r')]);
            if (await ScriptedServer.ReadRequestAsync(connection))
            {
                seen.AddOrUpdate(line.Split(' ')[1], 1, static (_, count) => count + 1);
                await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        var failures = new ConcurrentQueue<string>();

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async client =>
        {
            using var connection = await RawConnection.ConnectAsync(client % 2 == 0 ? Pair.Caller.HttpPort : Pair.ScriptedCallee.HttpPort);
            for (var call = 0; call < CallsOfEach; call++)
            {
                var path = $"{Pair.PathToScripted}{client}-{call}";
                await connection.SendAsync($"{verb} {path} HTTP/1.1\r\nHost: x\r\n{(framingAndBody.Length == 0 ? "\r\n" : framingAndBody)}");
                var answer = await connection.AnswerAsync();
                if (answer is not { Status: 200, Text: "ok" })
                {
                    failures.Enqueue($"{client}-{call}: {answer}");
                }
            }
        }));

        var mostFailures = mayBeReset ? Clients * CallsOfEach / 2 : 0;
        Assert.True(failures.Count <= mostFailures, $"{failures.Count} failures, the first: {failures.FirstOrDefault()}");
        // The app's FIN may be seen before the reset that follows it.
        Assert.All(failures, static failure => Assert.Matches("connection reset by peer|: EOF", failure));
        Assert.Equal(Clients * CallsOfEach, seen.Count + failures.Count);
        Assert.All(seen, static entry => Assert.True(entry.Value == 1, $"{entry.Key} reached the app {entry.Value} times"));
    }
}
