using FastSidecar.Transport.Http2.FlowControl;

namespace FastSidecar.Transport.Http2.Frames;

/// <summary>What we announce, from the options of a connection.</summary>
internal readonly struct OwnSettings
{
    private const int MaxCount = 5;

    private readonly Http2Options _options;
    private readonly bool _isServer;

    public OwnSettings(Http2Options options, bool isServer)
    {
        _options = options;
        _isServer = isServer;
    }

    /// <summary>The initial window of streams that the peer is bound by once it has acknowledged our SETTINGS.</summary>
    public int InitialWindowBytes => Announces(Http2AnnouncedSettings.InitialWindowSize) ? _options.StreamWindowBytes : Window.InitialBytes;

    /// <summary>By how much the connection's window is larger than the protocol's.</summary>
    public int ConnectionWindowGrowth => Math.Max(_options.ConnectionWindowBytes - Window.InitialBytes, 0);

    public void Write(ConnectionOutput output)
    {
        Span<(SettingId Id, uint Value)> settings = stackalloc (SettingId, uint)[MaxCount];
        var count = 0;
        if (!_isServer && Announces(Http2AnnouncedSettings.EnablePush))
        {
            settings[count++] = (SettingId.EnablePush, 0);
        }

        if (_isServer && Announces(Http2AnnouncedSettings.MaxConcurrentStreams))
        {
            settings[count++] = (SettingId.MaxConcurrentStreams, (uint)_options.MaxConcurrentStreams);
        }

        if (Announces(Http2AnnouncedSettings.InitialWindowSize, _options.StreamWindowBytes != Window.InitialBytes))
        {
            settings[count++] = (SettingId.InitialWindowSize, (uint)_options.StreamWindowBytes);
        }

        if (Announces(Http2AnnouncedSettings.MaxFrameSize, _options.MaxFrameBytes != FrameHeader.DefaultMaxLength))
        {
            settings[count++] = (SettingId.MaxFrameSize, (uint)_options.MaxFrameBytes);
        }

        if (Announces(Http2AnnouncedSettings.MaxHeaderListSize))
        {
            settings[count++] = (SettingId.MaxHeaderListSize, (uint)_options.MaxHeaderListBytes);
        }

        output.WriteSettingsUnsynchronized(settings[..count]);
    }

    private bool Announces(Http2AnnouncedSettings setting, bool unlessSaid = true) =>
        _options.Announce is { } announce ? (announce & setting) != 0 : unlessSaid;
}
