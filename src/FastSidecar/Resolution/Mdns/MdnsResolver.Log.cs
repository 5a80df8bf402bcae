using Microsoft.Extensions.Logging;

namespace FastSidecar.Resolution.Mdns;

/// <content>The lines daprd's mdns component writes (recorded in its logs), and one of ours.</content>
internal sealed partial class MdnsResolver
{
    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "local service entry announced: {AppId} -> {Address}:{Port}")]
        public static partial void Announced(ILogger log, string appId, string address, int port);

        [LoggerMessage(Level = LogLevel.Information, Message = "stopping mDNS server for app id: {AppId}")]
        public static partial void Stopping(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Error, Message = "error from zeroconf register: {Cause}")]
        public static partial void RegistrationFailed(ILogger log, string cause);

        [LoggerMessage(
            Level = LogLevel.Warning,
            Message = "app id {AppId} or the host name is no DNS name: no mDNS packet can carry it, peers will not find this sidecar")]
        public static partial void NotEncodable(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "no mDNS address found in cache, browsing network for app id {AppId}")]
        public static partial void Browsing(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Browsing for first mDNS address for app id {AppId}")]
        public static partial void BrowsingForFirst(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Browsing for first mDNS address for app id {AppId} canceled.")]
        public static partial void BrowsingForFirstCanceled(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Browsing for first mDNS address for app id {AppId} timed out.")]
        public static partial void BrowsingForFirstTimedOut(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Refreshing mDNS addresses for app id {AppId}.")]
        public static partial void Refreshing(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Refreshing mDNS addresses for app id {AppId} timed out.")]
        public static partial void RefreshTimedOut(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "mDNS browse for app id {AppId} canceled.")]
        public static partial void BrowseCanceled(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "mDNS browse for app id {AppId} timed out.")]
        public static partial void BrowseTimedOut(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "mDNS response for app id {AppId} received.")]
        public static partial void ResponseReceived(ILogger log, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "Adding {Family} address {Address} for app id {AppId} cache entry.")]
        public static partial void AddingAddress(ILogger log, string family, string address, string appId);

        [LoggerMessage(Level = LogLevel.Debug, Message = "found mDNS {Family} address in cache: {Address}")]
        public static partial void CacheHit(ILogger log, string family, string address);
    }
}
