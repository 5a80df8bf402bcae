using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace FastSidecar.Conformance.Wire;

/// <summary>Runs the steps that client requests and app scripts share (fixtures README, "Steps").</summary>
internal static class ScriptSteps
{
    private const int WriteBytes = 64 * 1024;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <returns>False when a step ended the connection or it broke where that matters.</returns>
    public static async Task<bool> RunAsync(RawConnection connection, IEnumerable<JsonNode?> steps, Rendezvous rendezvous, JsonObject marks, double start)
    {
        foreach (var step in steps)
        {
            var sends = step is JsonObject o && (o.ContainsKey("text") || o.ContainsKey("b64") || o.ContainsKey("repeat"));
            try
            {
                if (!await RunAsync(connection, step!.AsObject(), rendezvous, marks, start))
                {
                    return false;
                }
            }
            catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException)
            {
                marks["send_error"] = (e.InnerException ?? e).Message;
                if (!sends)
                {
                    return false;
                }

                // The peer may have answered early: its answer is still to be read.
            }
        }

        return true;
    }

    private static async Task<bool> RunAsync(RawConnection connection, JsonObject step, Rendezvous rendezvous, JsonObject marks, double start)
    {
        if (step["text"] is { } text)
        {
            await connection.SendAsync(Encoding.Latin1.GetBytes(text.GetValue<string>()));
        }
        else if (step["b64"] is { } base64)
        {
            await connection.SendAsync(Convert.FromBase64String(base64.GetValue<string>()));
        }
        else if (step["repeat"] is { } repeat)
        {
            await SendRepeatedAsync(connection, Encoding.Latin1.GetBytes(repeat.GetValue<string>()), step["times"]!.GetValue<int>());
        }
        else if (step["sleep"] is { } seconds)
        {
            await Task.Delay(TimeSpan.FromSeconds(seconds.GetValue<double>()));
        }
        else if (step.ContainsKey("half_close"))
        {
            connection.HalfClose();
        }
        else if (step["close"] is { } how)
        {
            if (how.GetValue<string>() == "rst")
            {
                connection.Reset();
            }
            else
            {
                connection.Close();
            }

            return false;
        }
        else if (step["wait"] is { } awaited)
        {
            var bytes = Encoding.Latin1.GetBytes(awaited.GetValue<string>());
            await connection.UntilAsync(() => connection.PeerEnd is not null || connection.Look(r => r.Span.IndexOf(bytes) >= 0), PatienceOf(step));
        }
        else if (step["signal"] is { } signal)
        {
            rendezvous.Set(signal.GetValue<string>());
        }
        else if (step["wait_signal"] is { } waited)
        {
            await rendezvous.WaitAsync(waited.GetValue<string>(), PatienceOf(step));
        }
        else if (step["mark"] is { } mark)
        {
            marks[mark.GetValue<string>()] = Clock.Since(start);
        }
        else
        {
            throw new InvalidOperationException($"unknown step: {step.ToJsonString()}");
        }

        return true;
    }

    public static TimeSpan PatienceOf(JsonObject step) => step["timeout"] is { } t ? TimeSpan.FromSeconds(t.GetValue<double>()) : Patience;

    private static async Task SendRepeatedAsync(RawConnection connection, byte[] piece, int times)
    {
        var whole = new byte[(long)piece.Length * times];
        for (var i = 0; i < times; i++)
        {
            piece.CopyTo(whole, (long)i * piece.Length);
        }

        for (var i = 0; i < whole.Length; i += WriteBytes)
        {
            await connection.SendAsync(whole.AsMemory(i, Math.Min(WriteBytes, whole.Length - i)));
        }
    }
}
