using System.Text;

namespace FastSidecar.Api.Http;

/// <summary>The current time as a Date header (RFC 9110 §5.6.7), formatted once a second.</summary>
internal sealed class HttpDate(TimeProvider time)
{
    private sealed record Stamp(long Second, byte[] Text);

    private Stamp? _current;

    public ReadOnlySpan<byte> Now()
    {
        var now = time.GetUtcNow();
        var second = now.ToUnixTimeSeconds();
        var stamp = Volatile.Read(ref _current);
        if (stamp is null || stamp.Second != second)
        {
            stamp = new Stamp(second, Encoding.ASCII.GetBytes(now.ToString("r", System.Globalization.CultureInfo.InvariantCulture)));
            Volatile.Write(ref _current, stamp);
        }

        return stamp.Text;
    }
}
