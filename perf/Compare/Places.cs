using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;

namespace FastSidecar.Compare;

/// <summary>What stands for <c>@name@</c> in the files of an arm.</summary>
internal sealed partial class Places(IReadOnlyDictionary<string, string> values)
{
    public string this[string name] => values[name];

    public string Fill(string text)
    {
        foreach (var (name, value) in values)
        {
            text = text.Replace($"@{name}@", value, StringComparison.Ordinal);
        }

        return text;
    }

    public IReadOnlyList<string> Fill(IEnumerable<string> texts) => [.. texts.Select(Fill)];

    public Places With(params IEnumerable<KeyValuePair<string, string>> more)
    {
        var all = new Dictionary<string, string>(values);
        foreach (var (name, value) in more)
        {
            all[name] = value;
        }

        return new Places(all);
    }

    /// <summary>The places in a text, with where they are.</summary>
    public static IEnumerable<(int Index, string Name)> In(string text) => Place().Matches(text)
        .Select(match => (match.Index, match.Groups[1].Value));

    /// <summary>Free ports under these names. All are held until all are known, so that none is given twice.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> FreePorts(IEnumerable<string> names)
    {
        var held = new List<TcpListener>();
        try
        {
            var ports = new List<KeyValuePair<string, string>>();
            foreach (var name in names)
            {
                var listener = new TcpListener(IPAddress.Loopback, 0);
                listener.Start();
                held.Add(listener);
                ports.Add(new(name, ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture)));
            }

            return ports;
        }
        finally
        {
            held.ForEach(listener => listener.Stop());
        }
    }

    [GeneratedRegex("@([A-Za-z0-9]+)@")]
    private static partial Regex Place();
}
