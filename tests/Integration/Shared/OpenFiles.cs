using System.Globalization;

namespace FastSidecar.Integration.Shared;

/// <summary>
/// The descriptors of a process, now. Established TCP connections are those whose other end is open too: pools keep some. All others, half-closed and dead connections among
/// them, have no reason to stay.
/// </summary>
internal sealed class OpenFiles
{
    private const string Established = "01";
    private readonly List<string> _files = [];

    public OpenFiles(int processId)
    {
        // Links first: a connection that is gone by the time the table is read counts as one that stayed, and the caller looks again.
        var links = Links(processId);
        var established = EstablishedInodes(processId);
        foreach (var link in links)
        {
            if (link.StartsWith("socket:[", StringComparison.Ordinal) && established.TryGetValue(link[8..^1], out var connection))
            {
                Pooled++;
                _files.Add(connection);
            }
            else
            {
                NotPooled++;
                _files.Add(link);
            }
        }
    }

    public int NotPooled { get; }

    public int Pooled { get; }

    public override string ToString() => string.Join('\n', _files);

    private static List<string> Links(int processId)
    {
        var links = new List<string>();
        foreach (var path in Directory.GetFileSystemEntries($"/proc/{processId}/fd"))
        {
            try
            {
                if (new FileInfo(path).LinkTarget is { } target)
                {
                    links.Add(target);
                }
            }
            catch (IOException)
            {
                // Closed since it was listed.
            }
        }

        return links;
    }

    /// <summary>proc(5): address, remote address, state, queues, timer, retransmits, uid, timeout, inode.</summary>
    private static Dictionary<string, string> EstablishedInodes(int processId)
    {
        var connections = new Dictionary<string, string>();
        foreach (var file in (string[])["tcp", "tcp6"])
        {
            foreach (var line in File.ReadAllLines($"/proc/{processId}/net/{file}").Skip(1))
            {
                var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
                if (fields[3] == Established)
                {
                    connections[fields[9]] = $"established {Port(fields[1])} -> {Port(fields[2])}";
                }
            }
        }

        return connections;
    }

    private static int Port(string address) => int.Parse(address.AsSpan(address.LastIndexOf(':') + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
