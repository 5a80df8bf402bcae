namespace FastSidecar.Transport.Http2;

/// <summary>
/// Counts what costs us something and moves nothing forward, per connection. Each kind has an allowance that refills with time; a peer that
/// uses it up gets ENHANCE_YOUR_CALM.
/// </summary>
internal sealed class FloodGuard
{
    /// <summary>
    /// PINGs without a request or DATA between them. grpc-go sends one with nearly every call to measure the bandwidth, and one in 10 s to
    /// stay alive: the first come with progress, the second are far below one a second.
    /// </summary>
    private const int PingBurst = 100;

    private const int SettingsBurst = 100;

    /// <summary>DATA without a byte and without END_STREAM, PRIORITY, frames of unknown types, late frames for closed streams.</summary>
    private const int IdleFrameBurst = 2000;

    private const int IdleFramesPerSecond = 200;

    /// <summary>
    /// Streams reset before they were answered, and streams that break the rules: this many times the stream limit at once, and the limit
    /// each second.
    /// </summary>
    private const int ResetBurstFactor = 4;

    private const int MinResetsPerSecond = 100;

    /// <summary>Streams whose late reset may still come: more than are ever open at a time.</summary>
    private const int MostLateResets = 1 << 16;

    private readonly TimeProvider _time;
    private int _lateResets;
    private Allowance _pings;
    private Allowance _settings;
    private Allowance _idleFrames;
    private Allowance _resets;

    private struct Allowance(int burst, int perSecond, long now)
    {
        private double _left = burst;
        private long _counted = now;

        public bool TryTake(TimeProvider time)
        {
            if (_left < 1)
            {
                var now = time.GetTimestamp();
                _left = Math.Min(burst, _left + (time.GetElapsedTime(_counted, now).TotalSeconds * perSecond));
                _counted = now;
            }

            _left--;
            return _left >= 0;
        }

        public void Refill() => _left = burst;
    }

    public FloodGuard(TimeProvider time, int maxStreams)
    {
        _time = time;
        var now = time.GetTimestamp();
        var resets = Math.Max(maxStreams, MinResetsPerSecond);
        _pings = new Allowance(PingBurst, 1, now);
        _settings = new Allowance(SettingsBurst, 1, now);
        _idleFrames = new Allowance(IdleFrameBurst, IdleFramesPerSecond, now);
        _resets = new Allowance(ResetBurstFactor * resets, resets, now);
    }

    /// <summary>A stream began, or its answer came: it may be reset once when it is over.</summary>
    public void OnStream() => _lateResets = Math.Min(_lateResets + 1, MostLateResets);

    /// <summary>
    /// A reset of a stream that is over. One for each stream costs nothing from the allowance: a server that answers early says so by it (RFC
    /// 9113 §8.1), at every call, and a client that no longer sends does as well.
    /// </summary>
    public void OnLateReset()
    {
        if (_lateResets > 0)
        {
            _lateResets--;
        }
        else
        {
            OnIdleFrame();
        }
    }

    /// <summary>A request or data came.</summary>
    public void OnProgress() => _pings.Refill();

    public void OnPing() => Check(ref _pings, "PING");

    public void OnSettings() => Check(ref _settings, "SETTINGS");

    public void OnIdleFrame() => Check(ref _idleFrames, "empty or idle");

    public void OnReset() => Check(ref _resets, "stream-ending");

    private void Check(ref Allowance allowance, string kind)
    {
        if (!allowance.TryTake(_time))
        {
            throw Http2Faults.Calm($"too many {kind} frames");
        }
    }
}
