using System.Text;
using FastSidecar.Invocation;
using FastSidecar.Protocol;
using FastSidecar.Targets.Peers;
using FastSidecar.Transport.Headers;

namespace FastSidecar.Micro.Operations;

/// <summary>HTTP/2 heads of calls to a peer, as a sidecar sends them.</summary>
internal static class PeerHeads
{
    /// <summary>The head of every call without a trace.</summary>
    public static HeaderList[] Same() => [Template().For(TraceContext.Zero, deadline: null, new HeaderList())];

    /// <summary>Heads of calls with a trace: one value after the other is new.</summary>
    public static HeaderList[] Traced() =>
    [
        .. Enumerable.Range(1, 8).Select(static i =>
        {
            var trace = new TraceContext();
            trace.TrySet(Encoding.ASCII.GetBytes($"00-4bf92f3577b34da6a3ce929d0e0e47{i:x2}-00f067aa0ba902{i:x2}-01"));
            return Template().For(trace, deadline: null, new HeaderList());
        }),
    ];

    /// <summary>One line for each field.</summary>
    public static string Text(HeaderList list) => string.Concat(
        Enumerable.Range(0, list.Count)
            .Select(i => $"{Encoding.Latin1.GetString(list.Name(i))}: {Encoding.Latin1.GetString(list.Value(i))}\n"));

    private static PeerCallTemplate Template() => new(MethodPaths.CallLocalStream, "127.0.0.1:50002"u8, tls: false);
}
