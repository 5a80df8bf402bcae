using FastSidecar.Transport.Headers;

namespace FastSidecar.Invocation.Grpc;

/// <summary>
/// What pooled objects may hold on to: a list keeps the memory it once grew to, and a thousand pooled ones would pin what clients made them
/// grow to.
/// </summary>
internal static class HeaderMemory
{
    /// <summary>A list that held more than this is not used again; hardly any holds as much.</summary>
    private const int KeptBytes = 16 * 1024;

    /// <summary>The list, as filled as it is now, takes more memory than a pooled object may keep.</summary>
    public static bool IsBulky(HeaderList list)
    {
        var bytes = 0;
        for (var i = 0; i < list.Count; i++)
        {
            bytes += list.Name(i).Length + list.Value(i).Length;
        }

        return bytes > KeptBytes;
    }
}
