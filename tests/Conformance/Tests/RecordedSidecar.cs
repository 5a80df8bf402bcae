using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using FastSidecar.Conformance.Judging;
using FastSidecar.Conformance.Processes;
using FastSidecar.Conformance.Replay;
using FastSidecar.Conformance.Wire;

namespace FastSidecar.Conformance.Tests;

/// <summary>
/// A stand-in for the sidecars that does what a recording says, byte for byte: it calls the app as recorded and answers as recorded.
/// The replayer must find that this matches, and that any change of it does not.
/// </summary>
internal sealed class RecordedSidecar : ICaseBench, IDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public RecordedSidecar()
    {
        var ports = new FreePorts(new Random());
        Placeholders = new Placeholders("127.0.0.9", Dns.GetHostName(), "/nowhere");
        App = new ScriptedApp(ports.Next(), Rendezvous);
        Outside = new ScriptedApp(ports.Next(), Rendezvous);
        Placeholders.Add("APP_PORT", App.Port);
        Placeholders.Add("EXT_PORT", Outside.Port);
        Placeholders.Add("DEAD_PORT", ports.Next());
        App.Start();
        Outside.Start();
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        _ = AcceptAsync();
    }

    public Perturbation Perturbation => Perturbation.None;

    public ScriptedApp App { get; }

    public ScriptedApp Outside { get; }

    public Rendezvous Rendezvous { get; } = new();

    public Placeholders Placeholders { get; }

    public string DefaultTarget => "caller";

    /// <summary>What the next client is answered.</summary>
    public JsonObject Playing { get; set; } = [];

    /// <summary>Whether a recording can be played from its text alone: nothing cut short, hashed, timed or ended by the client.</summary>
    public static bool CanPlay(JsonObject recorded)
    {
        var text = recorded.ToJsonString();
        return recorded["request"] is JsonArray { Count: 1 } && recorded["connection"]!.GetValue<string>() is "open" or "closed"
            && !new[] { "sha256", "incomplete", "peer_end", "repeat", "\"sleep\"", "signal", "\"read\"", "variants", "process_ended", "\"warm\"", "{{LENGTH}}", "json_key_order" }
                .Any(x => text.Contains(x, StringComparison.Ordinal))
            && recorded["responses"]!.AsArray().All(r => r!["framing"]?.GetValue<string>() != "close" || recorded["connection"]!.GetValue<string>() == "closed");
    }

    public EndPoint Address(string to, string host) => _listener.LocalEndPoint!;

    public Task<JsonObject?> CrashesAsync() => Task.FromResult<JsonObject?>(null);

    public void Dispose()
    {
        _listener.Dispose();
        App.Dispose();
        Outside.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                await AnswerAsync(await _listener.AcceptAsync());
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task AnswerAsync(Socket client)
    {
        var connection = new RawConnection(client);
        await connection.UntilAsync(() => connection.Count > 0, TimeSpan.FromSeconds(5));
        foreach (var request in Playing["app_saw"]?.AsArray() ?? [])
        {
            await CallAppAsync(request!.AsObject());
        }

        foreach (var response in Playing["responses"]!.AsArray())
        {
            var line = $"{response!["version"]} {response["status"]} {response["reason"]}";
            await connection.SendAsync(Message(line, response.AsObject()));
        }

        if (Playing["connection"]!.GetValue<string>() == "closed")
        {
            connection.Close();
        }
    }

    private async Task CallAppAsync(JsonObject request)
    {
        var port = Playing["at"]?.GetValue<string>() == "ext" ? Outside.Port : App.Port;
        using var connection = new RawConnection(await RawClient.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port)));
        await connection.SendAsync(Message(request["request_line"]!.GetValue<string>(), request));
        await connection.UntilAsync(() => connection.Count > 0 || connection.PeerEnd is not null, TimeSpan.FromSeconds(5));
    }

    private byte[] Message(string firstLine, JsonObject recorded)
    {
        var head = new StringBuilder(firstLine).Append("\r\n");
        foreach (var header in recorded["headers"]!.AsArray())
        {
            head.Append(CultureInfo.InvariantCulture, $"{header![0]}: {header[1]}\r\n");
        }

        var body = recorded["body"] switch
        {
            JsonObject o when o["text"] is { } text => Bytes(text.GetValue<string>()),
            JsonObject o when o["b64"] is { } base64 => Convert.FromBase64String(base64.GetValue<string>()),
            _ => [],
        };
        if (recorded["framing"]?.GetValue<string>() == "chunked")
        {
            var trailers = string.Concat((recorded["trailers"]?.AsArray() ?? []).Select(t => $"{t![0]}: {t[1]}\r\n"));
            byte[] chunk = body.Length == 0 ? [] : [.. Encoding.ASCII.GetBytes($"{body.Length:x}\r\n"), .. body, .. "\r\n"u8];
            body = [.. chunk, .. "0\r\n"u8, .. Bytes(trailers), .. "\r\n"u8];
        }

        return [.. Bytes(head.Append("\r\n").ToString()), .. body];
    }

    private byte[] Bytes(string text) => Encoding.Latin1.GetBytes(
        Placeholders.Fill(text.Replace("{{DATE}}", "Mon, 02 Nov 2026 10:00:00 GMT", StringComparison.Ordinal).Replace("{{EPHEMERAL}}", "40000", StringComparison.Ordinal)));
}
